// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"math"
	"strings"
)

// xattrUnpacker is how far the xattrs of a packed tree were read.
type xattrUnpacker struct {
	owner, count uint64 // the next node that has some, and how many
	strings      []textRange
}

// textRange is a string in the text arena.
type textRange struct{ off, n uint32 }

// nextOwner reads the next node with xattrs.
func (u *unpacker) nextOwner() {
	c := &u.col[colOwners]
	if len(c.b) == 0 {
		u.xattr.owner = math.MaxUint64
		return
	}
	step := c.below(maxNodes)
	if step == 0 {
		c.bad = true
	}
	u.xattr.owner += step
	u.xattr.count = c.next()
}

// xattrs reads the xattrs of a node.
func (u *unpacker) xattrs(n *record, id uint32) error {
	t, count := u.t, u.xattr.count
	if count < 1 || count > uint64(len(u.col[colXattrs].b)) {
		return fmt.Errorf("%d xattrs", count)
	}
	t.owners = append(t.owners, owner{node: id, first: uint32(len(t.xattrs))})
	before := ""
	for range count {
		name, value := u.string(), u.string()
		x := Xattr{Name: string(u.text[name.off : name.off+name.n]), Value: string(u.text[value.off : value.off+value.n])}
		if x.Name <= before || !validXattr(n.mode, x) {
			return fmt.Errorf("invalid xattr %s", shown(x.Name))
		}
		before = x.Name
		t.xattrs = append(t.xattrs, xattr{name: name.off, nameLen: name.n, value: value.off, valueLen: value.n})
	}
	u.nextOwner()
	return nil
}

// string reads a string of an xattr.
func (u *unpacker) string() textRange {
	k := u.col[colXattrs].below(uint64(len(u.xattr.strings)) + 1)
	if k > 0 {
		return u.xattr.strings[k-1]
	}
	b := u.col[colStrings].take(int(u.col[colLengths].below(MaxXattrValue + 1)))
	r := textRange{off: uint32(len(u.text)), n: uint32(len(b))}
	u.text = append(u.text, b...)
	u.xattr.strings = append(u.xattr.strings, r)
	return r
}

// validXattr says whether a node of a tree can have x, see setRecord.
func validXattr(mode uint16, x Xattr) bool {
	kind := mode & modeType
	if x.Name == opaqueXattr {
		return kind == modeDir && x.Value == opaqueValue
	}
	if len(x.Name) > MaxXattrName || len(x.Value) > MaxXattrValue || strings.IndexByte(x.Name, 0) >= 0 {
		return false
	}
	switch space, rest, _ := strings.Cut(x.Name, "."); space {
	case "user":
		return rest != "" && (kind == modeRegular || kind == modeDir)
	case "security":
		return rest != "" && (x.Name != capabilityXattr || validCapability(x.Value))
	}
	return false
}
