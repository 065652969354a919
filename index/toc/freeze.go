// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// freezer turns the drafts that can be reached into a flat tree.
type freezer struct {
	b     *builder
	t     *Tree
	queue []uint32 // drafts by id-1
	names strings.Builder
	text  strings.Builder
	seen  map[string]uint32 // where an xattr's text is
	bad   *EntryError
}

// freeze numbers the nodes breadth first and packs them. The error, if any,
// lacks its Name.
func (b *builder) freeze() (*Tree, *EntryError) {
	f := &freezer{b: b, t: &Tree{}, seen: map[string]uint32{}}
	f.size()
	f.number(draftRoot, 0, uint32(RootID))
	var children []int32
	for i := 0; i < len(f.queue); i++ {
		if b.drafts[f.queue[i]].isDir() {
			children = f.pack(NodeID(i+1), children[:0])
		}
	}
	f.t.ents = append(f.t.ents, dirent{off: uint32(f.names.Len())})
	f.t.owners = append(f.t.owners, owner{first: uint32(len(f.t.xattrs))})
	f.t.names, f.t.text = f.names.String(), f.text.String()
	f.sortFiles()
	return f.t, f.bad
}

// size counts what will be kept, so that nothing grows.
func (f *freezer) size() {
	nodes, slots, names, text := 1, 0, 0, 0
	files, owners, xattrs := 0, 0, 0
	for i := range f.b.drafts {
		d := &f.b.drafts[i]
		if d.nlink == 0 {
			continue
		}
		nodes++
		text += len(d.target)
		if d.mode&modeType == modeRegular && d.b > 0 {
			files++
		}
		if len(d.xattrs) > 0 {
			owners++
			xattrs += len(d.xattrs)
		}
	}
	for k := range f.b.byKey {
		slots++
		names += len(k.name)
	}
	f.t.nodes = make([]record, 0, nodes)
	f.t.ents = make([]dirent, 0, slots+1)
	f.t.files = make([]uint32, 0, files)
	f.t.owners = make([]owner, 0, owners+1)
	f.t.xattrs = make([]xattr, 0, xattrs)
	f.queue = make([]uint32, 0, nodes)
	f.names.Grow(names)
	f.text.Grow(text)
}

// pack lays out the names of directory id and numbers the nodes it is the
// first to name. children is scratch space.
func (f *freezer) pack(id NodeID, children []int32) []int32 {
	dir := &f.b.drafts[f.queue[id-1]]
	for s := dir.first; s != none; s = f.b.slots[s].next {
		children = append(children, s)
	}
	slices.SortFunc(children, func(x, y int32) int {
		return strings.Compare(f.b.slots[x].name, f.b.slots[y].name)
	})
	rec := &f.t.nodes[id-1]
	rec.a, rec.b, rec.nlink = int64(len(f.t.ents)), int64(len(children)), 2
	for _, s := range children {
		slot := &f.b.slots[s]
		ent := uint32(len(f.t.ents))
		if int64(f.names.Len())+int64(len(slot.name)) > math.MaxUint32 {
			f.fail(slot.node, "too many bytes of names")
			return children
		}
		f.t.ents = append(f.t.ents, dirent{off: uint32(f.names.Len())})
		f.names.WriteString(slot.name)
		if f.b.drafts[slot.node].id == 0 {
			f.number(slot.node, ent, uint32(id))
		}
		f.t.ents[ent].child = uint32(f.b.drafts[slot.node].id)
		if f.b.drafts[slot.node].isDir() {
			f.t.nodes[id-1].nlink++
		}
	}
	return children
}

// number gives a node the next id and packs its record.
func (f *freezer) number(node, ent, parent uint32) {
	d := &f.b.drafts[node]
	f.queue = append(f.queue, node)
	d.id = NodeID(len(f.queue))
	r := record{
		a: d.a, b: d.b, mtime: d.mtime, uid: d.uid, gid: d.gid,
		name: ent, parent: parent, nlink: d.nlink, mode: uint16(d.mode),
	}
	if d.implied {
		r.flags |= flagImplied
	}
	switch {
	case d.isSymlink():
		r.a, r.b = int64(f.addText(node, d.target)), int64(len(d.target))
	case d.mode&modeType == modeRegular && d.b > 0:
		f.t.files = append(f.t.files, uint32(d.id))
	case d.mode&modeType == modeRegular:
		r.a = 0 // where nothing is does not matter
	}
	if len(d.xattrs) > 0 {
		f.t.owners = append(f.t.owners, owner{node: uint32(d.id), first: uint32(len(f.t.xattrs))})
	}
	for _, x := range d.xattrs {
		f.t.xattrs = append(f.t.xattrs, xattr{
			name: f.intern(node, x.Name), nameLen: uint32(len(x.Name)),
			value: f.intern(node, x.Value), valueLen: uint32(len(x.Value)),
		})
	}
	f.t.nodes = append(f.t.nodes, r)
}

func (f *freezer) addText(node uint32, s string) uint32 {
	off := f.text.Len()
	if int64(off)+int64(len(s)) > math.MaxUint32 {
		f.fail(node, "too many bytes of link targets and xattrs")
		return 0
	}
	f.text.WriteString(s)
	return uint32(off)
}

// intern adds a text that layers repeat often only once.
func (f *freezer) intern(node uint32, s string) uint32 {
	off, ok := f.seen[s]
	if !ok {
		off = f.addText(node, s)
		f.seen[s] = off
	}
	return off
}

// sortFiles orders the files by offset and makes sure that none overlap.
func (f *freezer) sortFiles() {
	nodes := f.t.nodes
	slices.SortFunc(f.t.files, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(nodes[x-1].a, nodes[y-1].a), cmp.Compare(x, y))
	})
	for i := 1; i < len(f.t.files); i++ {
		p, n := &nodes[f.t.files[i-1]-1], &nodes[f.t.files[i]-1]
		if p.a+p.b > n.a {
			f.fail(f.queue[f.t.files[i]-1], fmt.Sprintf("data at %d overlaps data from %d to %d", n.a, p.a, p.a+p.b))
			return
		}
	}
}

func (f *freezer) fail(node uint32, reason string) {
	if f.bad == nil {
		f.bad = &EntryError{Index: f.b.drafts[node].entry, Reason: reason}
	}
}
