// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Entries lists the entries of a tar stream as an index would hold them.
func Entries(r io.Reader) ([]toc.Entry, error) {
	counter := &countingReader{r: r}
	tr := tar.NewReader(counter)
	var entries []toc.Entry
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("tar entry %d: %w", len(entries), err)
		}
		e, err := entry(h)
		if err != nil {
			return nil, err
		}
		e.Offset = span.UncompressedOffset(counter.n)
		entries = append(entries, e)
	}
}

var types = map[byte]toc.Type{
	tar.TypeReg: toc.Regular, tar.TypeDir: toc.Directory, tar.TypeSymlink: toc.Symlink, tar.TypeLink: toc.Hardlink,
	tar.TypeChar: toc.CharDevice, tar.TypeBlock: toc.BlockDevice, tar.TypeFifo: toc.FIFO,
}

func entry(h *tar.Header) (toc.Entry, error) {
	t, ok := types[h.Typeflag]
	if !ok {
		return toc.Entry{}, fmt.Errorf("tar entry %q: type %q", h.Name, h.Typeflag)
	}
	e := toc.Entry{
		Name: h.Name, Type: t, Size: h.Size, Linkname: h.Linkname, Mode: h.Mode,
		UID: uint32(h.Uid), GID: uint32(h.Gid), Uname: h.Uname, Gname: h.Gname,
		ModTime: h.ModTime, Devmajor: h.Devmajor, Devminor: h.Devminor,
	}
	for _, k := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		e.PAX = append(e.PAX, toc.Record{Key: k, Value: h.PAXRecords[k]})
	}
	return e, nil
}

// countingReader hides Seek, so that the tar reader reads data it skips.
type countingReader struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
