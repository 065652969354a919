// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"sort"
	"strings"
	"unsafe"

	"github.com/spryd/spry/index/span"
)

// Tree is what an overlayfs unpack of the layer would leave: later entries
// replaced earlier ones, hard links resolved, whiteouts as 0:0 character
// devices, opaque directories with their xattr. Immutable; safe for concurrent
// use; nothing allocates in Attr, Lookup, Child and Children. See [NewTree]
// for what it decides itself.
type Tree struct {
	nodes  []record
	ents   []dirent
	names  string
	text   string
	owners []owner
	xattrs []xattr
	files  []uint32
}

// node is the record of id, or nil.
func (t *Tree) node(id NodeID) *record {
	if id == 0 || id > NodeID(len(t.nodes)) {
		return nil
	}
	return &t.nodes[id-1]
}

// Len is the number of nodes; ids are 1 to Len().
func (t *Tree) Len() int { return len(t.nodes) }

// Names is the number of names in all directories, which is more than the
// number of nodes if there are hard links.
func (t *Tree) Names() int { return len(t.ents) - 1 }

// SizeBytes is the memory that the tree occupies.
func (t *Tree) SizeBytes() int64 {
	return int64(len(t.nodes))*int64(unsafe.Sizeof(record{})) +
		int64(len(t.ents))*int64(unsafe.Sizeof(dirent{})) +
		int64(len(t.owners))*int64(unsafe.Sizeof(owner{})) +
		int64(len(t.xattrs))*int64(unsafe.Sizeof(xattr{})) +
		int64(len(t.files))*int64(unsafe.Sizeof(uint32(0))) +
		int64(len(t.names)+len(t.text))
}

// Attr returns the attributes of id; ok is false for an id out of range.
func (t *Tree) Attr(id NodeID) (a Attr, ok bool) {
	n := t.node(id)
	if n == nil {
		return Attr{}, false
	}
	a = Attr{
		Mode:      uint32(n.mode),
		UID:       n.uid,
		GID:       n.gid,
		Nlink:     n.nlink,
		MtimeSec:  n.mtime / 1e9,
		MtimeNsec: uint32(n.mtime % 1e9),
	}
	switch n.mode & modeType {
	case modeRegular, modeSymlink:
		a.Size = n.b
	case modeDir:
		a.Size = dirSize
	case modeChar, modeBlock:
		a.Major, a.Minor = uint32(n.a), uint32(n.b)
	}
	return a, true
}

// Implied says whether id is a directory that no entry describes: the root,
// which an unpack never touches, or a parent that was missing. An unpack gives
// such a directory the owner, mode and xattrs that it has in the layers below,
// if it is there; this tree says 0755, 0:0 and no xattrs.
func (t *Tree) Implied(id NodeID) bool {
	n := t.node(id)
	return n != nil && n.flags&flagImplied != 0
}

// Parent is the directory that holds the first name of id: RootID for the
// root, 0 for an id out of range.
func (t *Tree) Parent(id NodeID) NodeID {
	n := t.node(id)
	if n == nil {
		return 0
	}
	return NodeID(n.parent)
}

// Children is the number of names in directory id, 0 for anything else.
func (t *Tree) Children(id NodeID) int {
	n := t.node(id)
	if n == nil || n.mode&modeType != modeDir {
		return 0
	}
	return int(n.b)
}

// Child is the i-th name of directory id, sorted by name bytes, and the node
// it names; 0 <= i < Children(id), otherwise the node is 0.
func (t *Tree) Child(id NodeID, i int) (name string, child NodeID) {
	if i < 0 || i >= t.Children(id) {
		return "", 0
	}
	e := int(t.nodes[id-1].a) + i
	return t.entName(e), NodeID(t.ents[e].child)
}

// Lookup finds name in directory parent.
func (t *Tree) Lookup(parent NodeID, name string) (NodeID, bool) {
	count := t.Children(parent)
	if count == 0 {
		return 0, false
	}
	first := int(t.nodes[parent-1].a)
	i, found := sort.Find(count, func(i int) int {
		return strings.Compare(name, t.entName(first+i))
	})
	if !found {
		return 0, false
	}
	return NodeID(t.ents[first+i].child), true
}

// Name is the first name of id, "" for the root.
func (t *Tree) Name(id NodeID) string {
	n := t.node(id)
	if n == nil || id == RootID {
		return ""
	}
	return t.entName(int(n.name))
}

// Path is the first name of id relative to the root, slash separated; "." for
// the root and "" for an id out of range. A node's first name is the one in
// the directory with the smallest id, and there the smallest.
func (t *Tree) Path(id NodeID) string {
	switch {
	case t.node(id) == nil:
		return ""
	case id == RootID:
		return "."
	}
	size := 0
	for n := id; n != RootID; n = t.Parent(n) {
		size += len(t.Name(n)) + 1
	}
	path := make([]byte, size-1)
	for n, end := id, size-1; n != RootID; n = t.Parent(n) {
		name := t.Name(n)
		copy(path[end-len(name):], name)
		if end -= len(name) + 1; end >= 0 {
			path[end] = '/'
		}
	}
	return string(path)
}

// Readlink is the target of symlink id, "" for anything else.
func (t *Tree) Readlink(id NodeID) string {
	n := t.node(id)
	if n == nil || n.mode&modeType != modeSymlink {
		return ""
	}
	return t.text[n.a : n.a+n.b]
}

// Data is where the content of regular file id lies in the tar stream; both
// are 0 for anything else.
func (t *Tree) Data(id NodeID) (off span.UncompressedOffset, size int64) {
	n := t.node(id)
	if n == nil || n.mode&modeType != modeRegular {
		return 0, 0
	}
	return span.UncompressedOffset(n.a), n.b
}

func (t *Tree) entName(e int) string {
	return t.names[t.ents[e].off:t.ents[e+1].off]
}
