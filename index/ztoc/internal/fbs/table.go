// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fbs

// Table is a table of a buffer. The zero-like Table that stands for an absent
// one has no fields.
type Table struct {
	r          *Reader
	at, vtable int
	slots      int
}

// field is the position of the field in slot; false if the table has none.
func (t Table) field(slot int) (int, bool) {
	if t.r.err != nil || slot >= t.slots {
		return 0, false
	}
	off := int(t.r.u16(t.vtable + 4 + 2*slot))
	return t.at + off, off != 0
}

// Int64 is the field in slot, 0 if absent.
func (t Table) Int64(slot int) int64 {
	pos, ok := t.field(slot)
	if !ok {
		return 0
	}
	return int64(t.r.u64(pos))
}

// Uint32 is the field in slot, 0 if absent.
func (t Table) Uint32(slot int) uint32 {
	pos, ok := t.field(slot)
	if !ok {
		return 0
	}
	return t.r.u32(pos)
}

// Int8 is the field in slot, def if absent.
func (t Table) Int8(slot int, def int8) int8 {
	pos, ok := t.field(slot)
	if !ok || !t.r.within(pos, 1) {
		return def
	}
	return int8(t.r.b[pos])
}

// Bytes is the string or vector of bytes in slot, nil if absent. It aliases
// the buffer.
func (t Table) Bytes(slot int) []byte {
	pos, ok := t.field(slot)
	if !ok {
		return nil
	}
	return t.r.bytes(t.r.follow(pos))
}

// Table is the table in slot, one without fields if absent.
func (t Table) Table(slot int) Table {
	pos, ok := t.field(slot)
	if !ok {
		return Table{r: t.r}
	}
	return t.r.table(pos)
}

// Vector is the vector of references in slot, empty if absent.
func (t Table) Vector(slot int) Vector {
	pos, ok := t.field(slot)
	if !ok {
		return Vector{r: t.r}
	}
	at := t.r.follow(pos)
	n := int(t.r.u32(at))
	if !t.r.within(at+4, 4*n) {
		return Vector{r: t.r}
	}
	return Vector{r: t.r, at: at + 4, n: n}
}
