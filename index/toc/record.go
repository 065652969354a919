// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

// The flat form of a tree. Every record has a fixed size and no pointer, and
// strings are ranges of two arenas, so that the same bytes could be mapped
// from a file:
//
//	nodes   []record    by id-1, breadth first from the root
//	ents    []dirent    the directories' names, directory by directory in id
//	                    order, sorted by name bytes; one more ends the last name
//	names   string      arena: the names, in the order of ents
//	text    string      arena: symlink targets, xattr names and values
//	owners  []owner     nodes with xattrs, by id; one more ends the last
//	xattrs  []xattr     the xattrs, owner by owner, sorted by name
//	files   []uint32    ids of regular files with content, by offset

// record is a node: 48 bytes.
type record struct {
	// a and b are by type: regular data offset and size; directory first
	// dirent and count; symlink start and length in text; device major and
	// minor.
	a, b int64
	// mtime is in nanoseconds since the epoch, never negative.
	mtime    int64
	uid, gid uint32
	// name is the dirent of the node's first name, parent the id of the
	// directory that holds it.
	name, parent uint32
	nlink        uint32
	mode         uint16
	flags        uint16
}

// flagImplied marks a directory that no entry describes.
const flagImplied = 1

// dirent is a name in a directory; it ends in names where the next begins.
type dirent struct {
	off   uint32
	child uint32
}

// owner is a node that has xattrs, from xattrs[first] up to the next owner's.
type owner struct {
	node  uint32
	first uint32
}

// xattr is a name and a value as ranges of text.
type xattr struct {
	name, nameLen   uint32
	value, valueLen uint32
}
