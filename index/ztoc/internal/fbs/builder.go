// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fbs

import (
	"encoding/binary"
	"slices"
)

// Offset is the position of something written, counted from the end of the
// buffer. The zero Offset is nothing.
type Offset uint32

// maxSlots is more than any table of a ztoc has.
const maxSlots = 16

// Builder writes one buffer, last things first: whatever is referred to is
// written before what refers to it. One table is open at a time. A Builder is
// used once, by one goroutine.
type Builder struct {
	buf      []byte // written from the back
	head     int    // first written byte of buf
	minAlign int
	vtables  []vtable

	// The open table: where each slot was written, 0 if it was not, and
	// where the table's end is.
	slots    [maxSlots]Offset
	tableEnd Offset
}

// vtable is one that was written: field offsets per slot and where it lies.
type vtable struct {
	at     Offset
	fields []uint16
}

// NewBuilder returns a Builder with room for size bytes before it grows.
func NewBuilder(size int) *Builder {
	size = max(size, 64)
	return &Builder{buf: make([]byte, size), head: size, minAlign: 1}
}

// Len is the number of bytes written so far.
func (b *Builder) Len() int { return len(b.buf) - b.head }

// String writes s, NUL terminated.
func (b *Builder) String(s string) Offset {
	b.prep(4, len(s)+1)
	b.head -= len(s) + 1
	copy(b.buf[b.head:], s)
	b.buf[b.head+len(s)] = 0
	return b.count(len(s))
}

// Bytes writes a vector of n bytes and returns its place in the buffer, to be
// filled before anything else is written.
func (b *Builder) Bytes(n int) (Offset, []byte) {
	b.prep(4, n)
	b.head -= n
	p := b.buf[b.head : b.head+n : b.head+n]
	return b.count(n), p
}

// Offsets writes a vector of references, in the order of v.
func (b *Builder) Offsets(v []Offset) Offset {
	b.prep(4, 4*len(v))
	for _, o := range slices.Backward(v) {
		b.ref(o)
	}
	return b.count(len(v))
}

// StartTable opens a table. Everything it refers to must be written already.
func (b *Builder) StartTable() {
	b.slots = [maxSlots]Offset{}
	b.tableEnd = Offset(b.Len())
}

// Ref adds a reference to o; none if o is zero.
func (b *Builder) Ref(slot int, o Offset) {
	if o != 0 {
		b.ref(o)
		b.slots[slot] = Offset(b.Len())
	}
}

// Int64 adds v; nothing if it is zero, the default of every 64-bit field.
func (b *Builder) Int64(slot int, v int64) {
	if v != 0 {
		b.prep(8, 0)
		b.head -= 8
		binary.LittleEndian.PutUint64(b.buf[b.head:], uint64(v))
		b.slots[slot] = Offset(b.Len())
	}
}

// Uint32 adds v; nothing if it is zero, the default of every 32-bit field.
func (b *Builder) Uint32(slot int, v uint32) {
	if v != 0 {
		b.prep(4, 0)
		b.put32(v)
		b.slots[slot] = Offset(b.Len())
	}
}

// Int8 adds v; nothing if it is def, the default of the field.
func (b *Builder) Int8(slot int, v, def int8) {
	if v != def {
		b.prep(1, 0)
		b.head--
		b.buf[b.head] = byte(v)
		b.slots[slot] = Offset(b.Len())
	}
}

// EndTable closes the open table.
func (b *Builder) EndTable() Offset {
	b.prep(4, 0)
	b.put32(0)
	table := Offset(b.Len())
	fields := b.fields(table)
	i := slices.IndexFunc(b.vtables, func(v vtable) bool { return slices.Equal(v.fields, fields) })
	if i < 0 {
		i = len(b.vtables)
		b.vtables = append(b.vtables, vtable{at: b.vtable(table, fields), fields: slices.Clone(fields)})
	}
	distance := int32(b.vtables[i].at) - int32(table)
	binary.LittleEndian.PutUint32(b.buf[len(b.buf)-int(table):], uint32(distance))
	return table
}

// Finish writes the reference to the root table and returns the buffer,
// which the caller owns.
func (b *Builder) Finish(root Offset) []byte {
	b.prep(b.minAlign, 4)
	b.ref(root)
	return b.buf[b.head:]
}

// fields are the field offsets of the open table, which starts at table,
// without the absent ones at the end.
func (b *Builder) fields(table Offset) []uint16 {
	var f [maxSlots]uint16
	n := 0
	for i, at := range b.slots {
		if at != 0 {
			f[i] = uint16(table - at)
			n = i + 1
		}
	}
	return f[:n]
}

// vtable writes the vtable of the table that starts at table.
func (b *Builder) vtable(table Offset, fields []uint16) Offset {
	for _, f := range slices.Backward(fields) {
		b.put16(f)
	}
	b.put16(uint16(table - b.tableEnd))
	b.put16(uint16(2 * (len(fields) + 2)))
	return Offset(b.Len())
}

// ref writes the distance from here to o.
func (b *Builder) ref(o Offset) {
	b.prep(4, 0)
	b.put32(uint32(b.Len()) + 4 - uint32(o))
}

// count completes a string or vector of n elements. Its alignment was seen
// to before the elements.
func (b *Builder) count(n int) Offset {
	b.put32(uint32(n))
	return Offset(b.Len())
}

func (b *Builder) put32(v uint32) {
	b.head -= 4
	binary.LittleEndian.PutUint32(b.buf[b.head:], v)
}

// put16 writes v, of a vtable, which follows 4-byte aligned data.
func (b *Builder) put16(v uint16) {
	b.prep(2, 0)
	b.head -= 2
	binary.LittleEndian.PutUint16(b.buf[b.head:], v)
}

// prep makes room for size bytes that will be aligned to size once extra
// bytes are written behind them, and for those.
func (b *Builder) prep(size, extra int) {
	b.minAlign = max(b.minAlign, size)
	pad := -(b.Len() + extra) & (size - 1)
	if need := pad + size + extra; b.head < need {
		b.grow(need)
	}
	b.head -= pad
	clear(b.buf[b.head : b.head+pad])
}

// grow makes the buffer larger, by need bytes at least.
func (b *Builder) grow(need int) {
	used := b.Len()
	buf := make([]byte, 2*len(b.buf)+need)
	b.head = len(buf) - used
	copy(buf[b.head:], b.buf[len(b.buf)-used:])
	b.buf = buf
}
