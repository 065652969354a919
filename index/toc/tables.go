// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"unsafe"
)

// Tables are the arrays of a tree as bytes, in the byte order of this host,
// so that a file can hold a tree that is used where it is mapped. See
// record.go for what they are.
type Tables struct {
	Nodes, Ents, Owners, Xattrs, Files []byte
	// Names and Text are the arenas of strings.
	Names, Text []byte
}

// Tables are the tables of t. They are t's own memory: for reading only.
func (t *Tree) Tables() Tables {
	return Tables{
		Nodes: bytesOf(t.nodes), Ents: bytesOf(t.ents), Owners: bytesOf(t.owners),
		Xattrs: bytesOf(t.xattrs), Files: bytesOf(t.files),
		Names: unsafe.Slice(unsafe.StringData(t.names), len(t.names)),
		Text:  unsafe.Slice(unsafe.StringData(t.text), len(t.text)),
	}
}

// FromTables is the tree whose tables tb are. It keeps them, and they must stay
// as they are. They are trusted to come from [Tree.Tables]; only their sizes
// and alignment (8 bytes) are looked at. A mismatch matches [ErrTree].
func FromTables(tb Tables) (*Tree, error) {
	t := &Tree{
		names: unsafe.String(unsafe.SliceData(tb.Names), len(tb.Names)),
		text:  unsafe.String(unsafe.SliceData(tb.Text), len(tb.Text)),
	}
	ok := arrayOf(&t.nodes, tb.Nodes) && arrayOf(&t.ents, tb.Ents) && arrayOf(&t.owners, tb.Owners) &&
		arrayOf(&t.xattrs, tb.Xattrs) && arrayOf(&t.files, tb.Files)
	switch {
	case !ok:
		return nil, fmt.Errorf("tables of wrong size or alignment: %w", ErrTree)
	case len(t.nodes) == 0 || len(t.ents) == 0 || len(t.owners) == 0:
		return nil, fmt.Errorf("tables without root or ends: %w", ErrTree)
	case int(t.ents[len(t.ents)-1].off) != len(t.names):
		return nil, fmt.Errorf("names of %d bytes, want %d: %w", len(t.names), t.ents[len(t.ents)-1].off, ErrTree)
	}
	return t, nil
}

// bytesOf is the memory of s.
func bytesOf[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}

// arrayOf makes s the array that b is the memory of.
func arrayOf[T any](s *[]T, b []byte) bool {
	var zero T
	size := int(unsafe.Sizeof(zero))
	p := unsafe.Pointer(unsafe.SliceData(b))
	if len(b)%size != 0 || uintptr(p)%unsafe.Alignof(zero) != 0 {
		return false
	}
	*s = unsafe.Slice((*T)(p), len(b)/size)
	return true
}
