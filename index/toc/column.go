// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import "encoding/binary"

// The columns of a packed tree, in order. All numbers are varints.
const (
	colCounts  = iota // number of nodes, of names
	colPalette        // mode, flags, uid, gid of each combination
	colAttr           // number of each node's combination
	colSec            // seconds of mtime, signed difference to the node before
	colNsec           // rest of mtime
	colDirs           // number of names of each directory
	colShared         // a byte a name: what it has in common with the one before
	colRest           // a byte a name: the length of the rest
	colNames          // the rests
	colLinks          // name by which a node is named again: names since the last such, nodes back
	colSizes          // of each regular file
	colOrder          // ids of files with content by offset, signed differences
	colGaps           // tar blocks between them beyond one header
	colTargets        // length of each symlink's target
	colText           // the targets
	colDevices        // major, minor of each device
	colOwners         // nodes with xattrs: ids since the last, number of xattrs
	colXattrs         // name, value: 0 for a new string, otherwise the number of an old one from 1
	colLengths        // length of each xattr string
	colStrings        // the xattr strings
	numColumns
)

// column is a part of a packed tree that is read or written from front to end.
type column struct {
	b   []byte
	bad bool // something was read that is not there
}

func (c *column) put(v uint64)      { c.b = binary.AppendUvarint(c.b, v) }
func (c *column) putSigned(v int64) { c.b = binary.AppendVarint(c.b, v) }
func (c *column) putByte(v int)     { c.b = append(c.b, byte(v)) }
func (c *column) putText(s string)  { c.b = append(c.b, s...) }

// next reads a number; 0 if there is none.
func (c *column) next() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// nextSigned reads a signed number; 0 if there is none.
func (c *column) nextSigned() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// below reads a number that must be less than limit; 0 if it is not.
func (c *column) below(limit uint64) uint64 {
	v := c.next()
	if v >= limit {
		c.bad = true
		return 0
	}
	return v
}

// take reads n bytes; none if there are less.
func (c *column) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}
