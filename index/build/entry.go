// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"archive/tar"
	"cmp"
	"slices"
	"time"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// entryTypes are the tar types that a table can hold.
var entryTypes = map[byte]toc.Type{
	tar.TypeReg:     toc.Regular,
	tar.TypeLink:    toc.Hardlink,
	tar.TypeSymlink: toc.Symlink,
	tar.TypeChar:    toc.CharDevice,
	tar.TypeBlock:   toc.BlockDevice,
	tar.TypeDir:     toc.Directory,
	tar.TypeFifo:    toc.FIFO,
}

// refusedTypes are names for those that it cannot hold.
var refusedTypes = map[byte]string{
	tar.TypeXGlobalHeader: "global PAX header",
	tar.TypeGNUSparse:     "sparse file in old GNU format",
	tar.TypeCont:          "contiguous file",
}

// newEntry is h, whose data starts at offset, as a table entry: nothing
// cleaned, except that times are in UTC.
func newEntry(h *tar.Header, offset int64) (toc.Entry, error) {
	t, ok := entryTypes[h.Typeflag]
	if !ok {
		return toc.Entry{}, skipf(nil, "entry %q: %s", h.Name, cmp.Or(refusedTypes[h.Typeflag], "unknown type "+string(rune(h.Typeflag))))
	}
	e := toc.Entry{
		Name:     h.Name,
		Type:     t,
		Offset:   span.UncompressedOffset(offset),
		Size:     h.Size,
		Mode:     h.Mode,
		UID:      uint32(h.Uid), // longer ids are cut, as the format has it
		GID:      uint32(h.Gid),
		Uname:    h.Uname,
		Gname:    h.Gname,
		ModTime:  entryTime(h.ModTime),
		Devmajor: h.Devmajor,
		Devminor: h.Devminor,
		PAX:      records(h.PAXRecords),
	}
	if t == toc.Symlink || t == toc.Hardlink {
		e.Linkname = h.Linkname
	}
	return e, nil
}

// entryTime is t in UTC; zero if it is too far away for RFC 3339.
func entryTime(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}
	}
	return t
}

// records are the PAX records m, sorted by key.
func records(m map[string]string) []toc.Record {
	if len(m) == 0 {
		return nil
	}
	list := make([]toc.Record, 0, len(m))
	for k, v := range m {
		list = append(list, toc.Record{Key: k, Value: v})
	}
	slices.SortFunc(list, func(a, b toc.Record) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

// sameEntry compares entries. The zone of the time does not matter, nor does
// the size of what has no data.
func sameEntry(a, b toc.Entry) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Offset == b.Offset &&
		(a.Size == b.Size || a.Type != toc.Regular) &&
		a.Linkname == b.Linkname && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID &&
		a.Uname == b.Uname && a.Gname == b.Gname && a.ModTime.Equal(b.ModTime) &&
		a.Devmajor == b.Devmajor && a.Devminor == b.Devminor && slices.Equal(a.PAX, b.PAX)
}
