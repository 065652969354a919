// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
)

// tarBlock is the unit of tar offsets: content follows a header of one.
const tarBlock = 512

// Pack writes the tree in a form that is small and compresses well: columns of
// what cannot be derived. [Unpack] makes the same tree of it. Trees whose
// contents do not lie behind tar headers, as no archive has them, match
// [ErrTree].
func (t *Tree) Pack() ([]byte, error) {
	p := packer{t: t, palette: map[combination]uint64{}, strings: map[string]uint64{}, next: uint32(RootID) + 1}
	p.col[colCounts].put(uint64(t.Len()))
	p.col[colCounts].put(uint64(t.Names()))
	for i := range t.nodes {
		p.attrs(&t.nodes[i])
		p.content(&t.nodes[i])
	}
	p.xattrs()
	if err := p.files(); err != nil {
		return nil, err
	}
	return p.join(), nil
}

// combination is what many nodes have in common.
type combination struct {
	mode, flags uint16
	uid, gid    uint32
}

type packer struct {
	t       *Tree
	col     [numColumns]column
	palette map[combination]uint64
	strings map[string]uint64
	sec     int64  // mtime of the node before
	next    uint32 // id of the next node to be named first
	linked  uint32 // the name after the last in colLinks
}

func (p *packer) attrs(n *record) {
	c := combination{n.mode, n.flags, n.uid, n.gid}
	k, ok := p.palette[c]
	if !ok {
		k = uint64(len(p.palette))
		p.palette[c] = k
		for _, v := range [...]uint64{uint64(c.mode), uint64(c.flags), uint64(c.uid), uint64(c.gid)} {
			p.col[colPalette].put(v)
		}
	}
	p.col[colAttr].put(k)
	sec := n.mtime / 1e9
	p.col[colSec].putSigned(sec - p.sec)
	p.col[colNsec].put(uint64(n.mtime % 1e9))
	p.sec = sec
}

func (p *packer) content(n *record) {
	switch n.mode & modeType {
	case modeDir:
		p.col[colDirs].put(uint64(n.b))
		p.names(uint32(n.a), uint32(n.a+n.b))
	case modeRegular:
		p.col[colSizes].put(uint64(n.b))
	case modeSymlink:
		p.col[colTargets].put(uint64(n.b))
		p.col[colText].putText(p.t.text[n.a : n.a+n.b])
	case modeChar, modeBlock:
		p.col[colDevices].put(uint64(n.a))
		p.col[colDevices].put(uint64(n.b))
	}
}

// names writes the names of a directory.
func (p *packer) names(first, end uint32) {
	before := ""
	for e := first; e < end; e++ {
		name := p.t.entName(int(e))
		n := shared(before, name)
		p.col[colShared].putByte(n)
		p.col[colRest].putByte(len(name) - n)
		p.col[colNames].putText(name[n:])
		before = name
		if child := p.t.ents[e].child; child != p.next {
			p.col[colLinks].put(uint64(e - p.linked))
			p.col[colLinks].put(uint64(p.next - child))
			p.linked = e + 1
			continue
		}
		p.next++
	}
}

// shared is the length of what a and b begin with.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (p *packer) xattrs() {
	t, last := p.t, uint32(0)
	for i := range t.owners[:len(t.owners)-1] {
		o := t.owners[i]
		p.col[colOwners].put(uint64(o.node - last))
		p.col[colOwners].put(uint64(t.owners[i+1].first - o.first))
		last = o.node
		for _, x := range t.xattrs[o.first:t.owners[i+1].first] {
			p.text(t.xattrName(x))
			p.text(t.xattrValue(x))
		}
	}
}

// text writes a string of an xattr.
func (p *packer) text(s string) {
	k := p.strings[s]
	p.col[colXattrs].put(k)
	if k == 0 {
		p.strings[s] = uint64(len(p.strings) + 1)
		p.col[colLengths].put(uint64(len(s)))
		p.col[colStrings].putText(s)
	}
}

func (p *packer) files() error {
	last, end := int64(0), int64(0)
	for _, id := range p.t.files {
		n := &p.t.nodes[id-1]
		gap := n.a - end - tarBlock
		if gap < 0 || gap%tarBlock != 0 {
			return fmt.Errorf("content at %d, that before ends at %d: %w", n.a, end, ErrTree)
		}
		p.col[colOrder].putSigned(int64(id) - last)
		p.col[colGaps].put(uint64(gap / tarBlock))
		last, end = int64(id), blockEnd(n)
	}
	return nil
}

// blockEnd is where the tar block ends that the last byte of a file is in.
func blockEnd(n *record) int64 { return (n.a + n.b + tarBlock - 1) / tarBlock * tarBlock }

// join writes the sizes of the columns, then the columns.
func (p *packer) join() []byte {
	var head column
	size := 0
	for i := range p.col {
		head.put(uint64(len(p.col[i].b)))
		size += len(p.col[i].b)
	}
	b := make([]byte, 0, len(head.b)+size)
	b = append(b, head.b...)
	for i := range p.col {
		b = append(b, p.col[i].b...)
	}
	return b
}
