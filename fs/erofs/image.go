// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Image is an image that can be written: of a tree's names and attributes. The contents
// of files are where the layer, decompressed, has them: that is the image's only device.
// Immutable.
//
// Inodes follow the superblock in the order of their ids, each with its attributes and what is
// short beside it, and after them comes, from a block on each, what is long.
type Image struct {
	tree   *toc.Tree
	nodes  []place // by id-1
	long   []toc.NodeID
	blocks uint32 // of the image
	layer  uint32 // blocks of the layer
}

// place is where a node is.
type place struct {
	nid    uint32 // in slots
	xattrs uint32 // bytes of attributes
	size   uint32 // bytes of data that is in the image
	block  uint32 // that it begins with, 0 if it is behind the inode
}

// longData is from how many bytes on data is not put beside its inode.
const longData = blockSize / 2

// New lays out the image of a tree. An error says what the tree has that no image can hold.
func New(tree *toc.Tree) (*Image, error) {
	im := &Image{tree: tree, nodes: make([]place, tree.Len())}
	at, end := int64(superOffset+superSize+deviceSize), int64(0)
	for i := range im.nodes {
		id, n := toc.NodeID(i+1), &im.nodes[i]
		if err := im.measure(id, n); err != nil {
			return nil, fmt.Errorf("%s: %w", tree.Path(id), err)
		}
		off, size := tree.Data(id)
		if end = max(end, int64(off)+size); off%blockSize != 0 {
			return nil, fmt.Errorf("%s: data at %d", tree.Path(id), off)
		}
		head, tail := int64(inodeSize+n.xattrs), int64(n.size)
		switch {
		case tail >= longData:
			im.long = append(im.long, id)
			tail = 0
		case tail > 0 && (at+head)/blockSize != (at+head+tail-1)/blockSize:
			// Data beside an inode may not go over the end of a block.
			at = up(up(at+head, blockSize)-head, slotSize)
		}
		n.nid = uint32(at / slotSize)
		at = up(at+head+tail, slotSize)
	}
	block := up(at, blockSize) / blockSize
	for _, id := range im.long {
		n := &im.nodes[id-1]
		n.block = uint32(block)
		block += up(int64(n.size), blockSize) / blockSize
	}
	im.blocks, im.layer = uint32(block), uint32(up(end, blockSize)/blockSize)
	if all := block + up(end, blockSize)/blockSize; all > math.MaxUint32 || at/slotSize > math.MaxUint32 {
		return nil, fmt.Errorf("%d blocks", all)
	}
	return im, nil
}

// Size is the length of the image in bytes.
func (im *Image) Size() int64 { return int64(im.blocks) * blockSize }

func up(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

// measure finds how long what belongs to a node is.
func (im *Image) measure(id toc.NodeID, n *place) error {
	a, _ := im.tree.Attr(id)
	switch a.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		size := int64(0)
		im.pack(id, func(block []name, last bool) {
			size += blockSize
			if last {
				size += int64(packed(block)) - blockSize
			}
		})
		if size > math.MaxUint32-blockSize {
			return fmt.Errorf("directory of %d bytes", size)
		}
		n.size = uint32(size)
	case unix.S_IFLNK:
		n.size = uint32(a.Size)
	}
	xattrs, err := im.xattrs(id)
	n.xattrs = uint32(len(xattrs))
	return err
}

// name is one of a directory's.
type name struct {
	name string
	node toc.NodeID
}

// packed is how many bytes names take.
func packed(names []name) int {
	size := 0
	for _, n := range names {
		size += direntSize + len(n.name)
	}
	return size
}

// pack calls do with the names of each block of a directory, sorted.
func (im *Image) pack(id toc.NodeID, do func(names []name, last bool)) {
	var block []name
	used := 0
	add := func(n name) {
		if used+direntSize+len(n.name) > blockSize {
			do(block, false)
			block, used = block[:0], 0
		}
		block = append(block, n)
		used += direntSize + len(n.name)
	}
	own := []name{{".", id}, {"..", im.tree.Parent(id)}}
	for i := range im.tree.Children(id) {
		child, node := im.tree.Child(id, i)
		for len(own) > 0 && own[0].name < child {
			add(own[0])
			own = own[1:]
		}
		add(name{child, node})
	}
	for _, n := range own {
		add(n)
	}
	do(block, true)
}
