// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"math"
	"strings"
)

// dir sets the names of directory id, and what follows from a first name.
func (u *unpacker) dir(id uint32) error {
	t := u.t
	first := len(t.ents)
	count := u.col[colDirs].below(uint64(cap(t.ents) - first))
	n := &t.nodes[id-1]
	n.a, n.b, n.nlink = int64(first), int64(count), 2
	before := ""
	for range count {
		name, err := u.name(id, before)
		if err != nil {
			return err
		}
		before = name
		if err := u.child(id, name); err != nil {
			return fmt.Errorf("name %s: %w", shown(name), err)
		}
	}
	return nil
}

// name adds the next name, which comes after before in the same directory.
func (u *unpacker) name(dir uint32, before string) (string, error) {
	t, e := u.t, len(u.t.ents)
	off := 0
	if e > 0 {
		last := e - 1
		off = int(t.ents[last].off) + int(u.col[colShared].b[last]) + int(u.col[colRest].b[last])
	}
	name := t.names[off : off+int(u.col[colShared].b[e])+int(u.col[colRest].b[e])]
	switch {
	case name == "" || name == "." || name == ".." || len(name) > MaxName || strings.ContainsAny(name, "/\x00"):
		return "", fmt.Errorf("invalid name %s", shown(name))
	case name <= before:
		return "", fmt.Errorf("name %s after %s", shown(name), shown(before))
	case int(u.paths[dir-1])+1+len(name) > MaxPath+1:
		return "", fmt.Errorf("path of more than %d bytes", MaxPath)
	}
	t.ents = append(t.ents, dirent{off: uint32(off)})
	return name, nil
}

// child finds the node of the name just added: the next one, or an earlier one
// that is named again.
func (u *unpacker) child(dir uint32, name string) error {
	t, e := u.t, uint32(len(u.t.ents)-1)
	if uint64(e) == u.link {
		child := uint64(u.next) - u.back
		if u.back > uint64(u.next) || child <= uint64(RootID) || child >= uint64(u.next) {
			return fmt.Errorf("names a node %d back from %d", u.back, u.next)
		}
		n := &t.nodes[child-1]
		if n.mode&modeType == modeDir {
			return fmt.Errorf("names directory %d again", child)
		}
		n.nlink++
		t.ents[e].child = uint32(child)
		u.nextLink(u.link + 1)
		return nil
	}
	if int(u.next) > len(t.nodes) {
		return fmt.Errorf("names a node behind the last")
	}
	n := &t.nodes[u.next-1]
	n.name, n.parent, n.nlink = e, dir, 1
	if n.mode&modeType == modeDir {
		t.nodes[dir-1].nlink++
		u.paths[u.next-1] = u.paths[dir-1] + 1 + uint16(len(name))
	}
	t.ents[e].child = u.next
	u.next++
	return nil
}

// nextLink reads which name from the given one on names a node again.
func (u *unpacker) nextLink(from uint64) {
	u.link = math.MaxUint64
	if c := &u.col[colLinks]; len(c.b) > 0 {
		u.link, u.back = from+c.below(maxNodes), c.next()
	}
}

// files sets the contents of files.
func (u *unpacker) files() error {
	t := u.t
	t.files = make([]uint32, 0, u.content)
	id, end := int64(0), int64(0)
	for range u.content {
		step, gap := u.col[colOrder].nextSigned(), u.col[colGaps].below(maxContent/tarBlock)
		if step > maxNodes || step < -maxNodes {
			return fmt.Errorf("content of node %d after %d", step, id)
		}
		id += step
		if id < 1 || id > int64(len(t.nodes)) {
			return fmt.Errorf("content of node %d", id)
		}
		n := &t.nodes[id-1]
		if n.mode&modeType != modeRegular || n.b == 0 || n.a != 0 {
			return fmt.Errorf("content of node %d, which has none or has it already", id)
		}
		n.a = end + tarBlock + int64(gap)*tarBlock
		if n.a+n.b > maxContent {
			return fmt.Errorf("content of %d bytes at %d", n.b, n.a)
		}
		end = blockEnd(n)
		t.files = append(t.files, uint32(id))
	}
	return nil
}

// finish says whether all columns were right and used up.
func (u *unpacker) finish() error {
	for i := range u.col {
		switch c := &u.col[i]; {
		case i == colShared || i == colRest: // not read from front to end
		case c.bad:
			return fmt.Errorf("column %d: bad value or too short", i)
		case len(c.b) > 0:
			return fmt.Errorf("column %d: %d bytes too many", i, len(c.b))
		}
	}
	return nil
}
