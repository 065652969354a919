// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package toc is the file table of a layer: the tar entries as an index
// stores them, and the tree that an overlayfs unpack would make of them.
package toc

import (
	"time"

	"github.com/spryd/spry/index/span"
)

// Type is the kind of a tar entry.
type Type uint8

// The entry types a layer may hold. Anything else cannot be indexed.
const (
	Regular Type = iota + 1
	Directory
	Symlink
	Hardlink
	CharDevice
	BlockDevice
	FIFO
)

// Record is one PAX record of an entry, raw key and value.
type Record struct{ Key, Value string }

// Entry is one tar entry as an index stores it: raw, in tar order, nothing
// cleaned and nothing merged.
type Entry struct {
	Name string
	Type Type
	// Offset is the tar stream position of the entry's first data byte.
	Offset span.UncompressedOffset
	// Size is the entry's data size in bytes.
	Size     int64
	Linkname string
	// Mode is the tar mode number: permissions and 07000 bits, type bits
	// only if the tar had them.
	Mode         int64
	UID, GID     uint32
	Uname, Gname string
	// ModTime keeps the zone offset the index stored, so that encoding it
	// again gives the same bytes. Zero if the index had none.
	ModTime            time.Time
	Devmajor, Devminor int64
	// PAX holds every PAX record of the entry, sorted by key; extended
	// attributes are those with prefix SCHILY.xattr.
	PAX []Record
}
