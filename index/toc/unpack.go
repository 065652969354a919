// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"bytes"
	"fmt"
	"math"
)

const (
	// MaxPacked bounds a packed tree in bytes.
	MaxPacked = 64 << 20
	// maxNodes bounds the nodes of a packed tree, and its names.
	maxNodes = 2 << 20
	// maxArena bounds its names in bytes.
	maxArena = 128 << 20
	// maxContent is more bytes than any layer has.
	maxContent = 1 << 48
	// maxSeconds is the last second whose nanoseconds fit into 64 bits.
	maxSeconds = (math.MaxInt64 - 999_999_999) / 1_000_000_000
)

// Unpack makes the tree that [Tree.Pack] packed. b is hostile: whatever it is,
// the result is a tree that [NewTree] could have made, or an error that
// matches [ErrTree]. Nothing of b is kept.
func Unpack(b []byte) (*Tree, error) {
	u := unpacker{t: &Tree{}, next: uint32(RootID) + 1}
	if err := u.unpack(b); err != nil {
		return nil, fmt.Errorf("packed tree: %w: %w", err, ErrTree)
	}
	return u.t, nil
}

type unpacker struct {
	t    *Tree
	col  [numColumns]column
	next uint32 // id of the next node to be named first
	// paths are the lengths of the nodes' paths.
	paths []uint16
	// link and back are the next name that names a node again, and how far
	// back that node is.
	link, back uint64
	xattr      xattrUnpacker
	text       []byte
	content    int // files with content
}

func (u *unpacker) unpack(b []byte) error {
	if err := u.split(b); err != nil {
		return err
	}
	if err := u.allocate(); err != nil {
		return err
	}
	if err := u.attrs(); err != nil {
		return err
	}
	u.nextLink(0)
	u.nextOwner()
	for id := uint32(RootID); id < u.next; id++ {
		if err := u.node(id); err != nil {
			return fmt.Errorf("node %d: %w", id, err)
		}
	}
	t := u.t
	if int(u.next)-1 != len(t.nodes) || len(t.ents) != cap(t.ents)-1 {
		return fmt.Errorf("%d nodes and %d names, want %d and %d", u.next-1, len(t.ents), len(t.nodes), cap(t.ents)-1)
	}
	t.ents = append(t.ents, dirent{off: uint32(len(t.names))})
	t.owners = append(t.owners, owner{first: uint32(len(t.xattrs))})
	t.text = string(u.text)
	if err := u.files(); err != nil {
		return err
	}
	return u.finish()
}

// split finds the columns.
func (u *unpacker) split(b []byte) error {
	if len(b) > MaxPacked {
		return fmt.Errorf("%d bytes, at most %d", len(b), MaxPacked)
	}
	head := column{b: b}
	var sizes [numColumns]int
	for i := range sizes {
		sizes[i] = int(head.below(MaxPacked + 1))
	}
	for i, n := range sizes {
		u.col[i].b = head.take(n)
	}
	if head.bad || len(head.b) > 0 {
		return fmt.Errorf("columns do not make up %d bytes", len(b))
	}
	return nil
}

// allocate makes the arrays whose sizes are known, and the arena of names.
func (u *unpacker) allocate() error {
	nodes, names := u.col[colCounts].next(), u.col[colCounts].next()
	switch attrs := uint64(len(u.col[colAttr].b)); {
	case nodes < 1 || nodes > maxNodes || nodes > attrs || nodes > names+1:
		return fmt.Errorf("%d nodes, %d names", nodes, names)
	case names > maxNodes || names != uint64(len(u.col[colShared].b)) || names != uint64(len(u.col[colRest].b)):
		return fmt.Errorf("%d names", names)
	}
	size := 0
	for i, n := range u.col[colShared].b {
		size += int(n) + int(u.col[colRest].b[i])
	}
	if size > maxArena {
		return fmt.Errorf("%d bytes of names, at most %d", size, maxArena)
	}
	u.t.nodes = make([]record, nodes)
	u.t.ents = make([]dirent, 0, names+1)
	u.paths = make([]uint16, nodes)
	return u.names(size)
}

// names puts the names together.
func (u *unpacker) names(size int) error {
	arena := make([]byte, 0, size)
	start := 0 // of the name before
	for i, s := range u.col[colShared].b {
		n := int(s)
		if n > len(arena)-start {
			return fmt.Errorf("name %d shares %d bytes with one of %d", i, n, len(arena)-start)
		}
		first := len(arena)
		arena = append(arena, arena[start:start+n]...)
		arena = append(arena, u.col[colNames].take(int(u.col[colRest].b[i]))...)
		start = first
	}
	if u.col[colNames].bad {
		return fmt.Errorf("names end early")
	}
	u.t.names = string(arena)
	return nil
}

// attrs sets what all nodes have, and so their types.
func (u *unpacker) attrs() error {
	palette, err := u.palette()
	if err != nil {
		return err
	}
	sec := int64(0)
	for i := range u.t.nodes {
		k := u.col[colAttr].next()
		step, nsec := u.col[colSec].nextSigned(), u.col[colNsec].below(1e9)
		if k >= uint64(len(palette)) || step > maxSeconds || step < -maxSeconds {
			return fmt.Errorf("node %d: attributes %d, %d seconds later", i+1, k, step)
		}
		if sec += step; sec < 0 || sec > maxSeconds {
			return fmt.Errorf("node %d: time %d", i+1, sec)
		}
		c := palette[k]
		u.t.nodes[i] = record{mode: c.mode, flags: c.flags, uid: c.uid, gid: c.gid, mtime: sec*1e9 + int64(nsec)}
	}
	root := &u.t.nodes[0]
	if root.mode&modeType != modeDir {
		return fmt.Errorf("root is no directory")
	}
	root.parent = uint32(RootID)
	return nil
}

func (u *unpacker) palette() ([]combination, error) {
	c := &u.col[colPalette]
	var palette []combination
	for len(c.b) > 0 && !c.bad {
		x := combination{
			mode: uint16(c.below(1 << 16)), flags: uint16(c.below(flagImplied + 1)),
			uid: uint32(c.below(1 << 32)), gid: uint32(c.below(1 << 32)),
		}
		switch x.mode & modeType {
		case modeRegular, modeSymlink, modeChar, modeBlock, modeFIFO:
			c.bad = c.bad || x.flags != 0
		case modeDir:
		default:
			c.bad = true
		}
		palette = append(palette, x)
	}
	if c.bad {
		return nil, fmt.Errorf("invalid attributes %d", len(palette)-1)
	}
	return palette, nil
}

// node sets what a node has by its type.
func (u *unpacker) node(id uint32) error {
	n := &u.t.nodes[id-1]
	var err error
	switch n.mode & modeType {
	case modeDir:
		err = u.dir(id)
	case modeRegular:
		n.b = int64(u.col[colSizes].below(maxContent))
		if n.b > 0 {
			u.content++
		}
	case modeSymlink:
		target := u.col[colText].take(int(u.col[colTargets].below(MaxTarget + 1)))
		if len(target) == 0 || bytes.IndexByte(target, 0) >= 0 {
			return fmt.Errorf("target of %d bytes", len(target))
		}
		n.a, n.b = int64(len(u.text)), int64(len(target))
		u.text = append(u.text, target...)
	case modeChar, modeBlock:
		n.a, n.b = int64(u.col[colDevices].below(1<<12)), int64(u.col[colDevices].below(1<<20))
	}
	if err == nil && uint64(id) == u.xattr.owner {
		err = u.xattrs(n, id)
	}
	return err
}
