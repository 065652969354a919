// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import "sort"

// Xattr is one extended attribute of a node.
type Xattr struct{ Name, Value string }

// HasXattrs says whether any node has one.
func (t *Tree) HasXattrs() bool { return len(t.xattrs) > 0 }

// OnlyOpaque lists the directories that hide what the layers below have in them;
// ok is false if any node has another extended attribute.
func (t *Tree) OnlyOpaque() (dirs []NodeID, ok bool) {
	for i := range len(t.owners) - 1 {
		of := t.xattrs[t.owners[i].first:t.owners[i+1].first]
		if len(of) != 1 || t.xattrName(of[0]) != opaqueXattr {
			return nil, false
		}
		dirs = append(dirs, NodeID(t.owners[i].node))
	}
	return dirs, true
}

// Xattrs are the extended attributes of id, sorted by name.
func (t *Tree) Xattrs(id NodeID) []Xattr {
	recs := t.xattrsOf(id)
	if len(recs) == 0 {
		return nil
	}
	list := make([]Xattr, len(recs))
	for i, x := range recs {
		list[i] = Xattr{Name: t.xattrName(x), Value: t.xattrValue(x)}
	}
	return list
}

// Xattr is the value of one extended attribute of id. It does not allocate.
func (t *Tree) Xattr(id NodeID, name string) (value string, ok bool) {
	for _, x := range t.xattrsOf(id) {
		if t.xattrName(x) == name {
			return t.xattrValue(x), true
		}
	}
	return "", false
}

func (t *Tree) xattrsOf(id NodeID) []xattr {
	count := len(t.owners) - 1
	if count <= 0 || t.node(id) == nil {
		return nil
	}
	i := sort.Search(count, func(i int) bool { return NodeID(t.owners[i].node) >= id })
	if i == count || NodeID(t.owners[i].node) != id {
		return nil
	}
	return t.xattrs[t.owners[i].first:t.owners[i+1].first]
}

func (t *Tree) xattrName(x xattr) string  { return t.text[x.name : x.name+x.nameLen] }
func (t *Tree) xattrValue(x xattr) string { return t.text[x.value : x.value+x.valueLen] }
