// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"bufio"
	"encoding/binary"
	"io"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Write writes the image to w: Size bytes.
func (im *Image) Write(w io.Writer) error {
	out := writer{Image: im, w: bufio.NewWriterSize(w, 1<<16)}
	out.padTo(superOffset)
	out.put(im.superblock())
	for id := toc.RootID; id <= toc.NodeID(im.tree.Len()); id++ {
		out.node(id)
	}
	for _, id := range im.long {
		out.padTo(int64(im.nodes[id-1].block) * blockSize)
		out.data(id)
	}
	out.padTo(int64(im.blocks) * blockSize)
	if out.err != nil {
		return out.err
	}
	return out.w.Flush()
}

// writer writes front to back. Its first error stays.
type writer struct {
	*Image
	w   *bufio.Writer
	at  int64
	err error
}

func (w *writer) put(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
	w.at += int64(len(b))
}

var zeros [blockSize]byte

func (w *writer) padTo(end int64) {
	for w.at < end && w.err == nil {
		w.put(zeros[:min(end-w.at, blockSize)])
	}
}

// node writes an inode, its attributes, and its data if that is short.
func (w *writer) node(id toc.NodeID) {
	n := w.nodes[id-1]
	a, _ := w.tree.Attr(id)
	i := inode{layout: layoutPlain, attr: a, number: uint32(id), xattrs: int(n.xattrs)}
	switch a.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		off, size := w.tree.Data(id)
		i.size, i.data = size, w.blocks+uint32(off/blockSize)
	case unix.S_IFDIR, unix.S_IFLNK:
		if i.size, i.data = int64(n.size), n.block; n.block == 0 {
			i.layout = layoutInline
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		i.data = a.Rdev()
	}
	w.padTo(int64(n.nid) * slotSize)
	w.put(i.encode())
	xattrs, _ := w.xattrs(id)
	w.put(xattrs)
	if n.block == 0 {
		w.data(id)
	}
}

// data writes what belongs to a node of names or a link's target.
func (w *writer) data(id toc.NodeID) {
	a, _ := w.tree.Attr(id)
	switch a.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		w.pack(id, w.directoryBlock)
	case unix.S_IFLNK:
		w.put([]byte(w.tree.Readlink(id)))
	}
}

// directoryBlock writes names: entries, and then their text.
func (w *writer) directoryBlock(names []name, last bool) {
	b := make([]byte, 0, blockSize)
	text := len(names) * direntSize
	for _, n := range names {
		a, _ := w.tree.Attr(n.node)
		b = binary.LittleEndian.AppendUint64(b, uint64(w.nodes[n.node-1].nid))
		b = binary.LittleEndian.AppendUint16(b, uint16(text))
		b = append(b, fileType(a.Mode), 0)
		text += len(n.name)
	}
	for _, n := range names {
		b = append(b, n.name...)
	}
	w.put(b)
	if !last {
		w.put(zeros[:blockSize-len(b)])
	}
}
