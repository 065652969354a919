// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile

import (
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// compactVersion is the version of a compact index as people see it.
const compactVersion = "compact"

// DescribeCompact tells what is in l, a compact index of size bytes. It has
// files as a mount shows them, each by its first name, not tar entries. EndSpan
// is of the file's last byte.
func DescribeCompact(l *compact.Layer, size int64) Info {
	t := l.Tree()
	info := Info{Version: compactVersion, Size: size, Spans: l.Len(), Files: t.Len()}
	for id := toc.NodeID(1); int(id) <= t.Len(); id++ {
		a, ok := t.Attr(id)
		if !ok {
			continue
		}
		f := File{Name: t.Path(id), Type: modeNames[a.Mode&unix.S_IFMT]}
		if a.IsRegular() {
			off, n := t.Data(id)
			f.Offset, f.Size = int64(off), n
			f.StartSpan = int32(l.At(off))
			f.EndSpan = int32(l.At(off + span.UncompressedOffset(max(n, 1)-1)))
		}
		if f.StartSpan != f.EndSpan {
			info.MultiSpanFiles++
		}
		info.Entries = append(info.Entries, f)
	}
	return info
}

var modeNames = map[uint32]string{
	unix.S_IFREG: "reg", unix.S_IFDIR: "dir", unix.S_IFLNK: "symlink",
	unix.S_IFCHR: "char", unix.S_IFBLK: "block", unix.S_IFIFO: "fifo",
}
