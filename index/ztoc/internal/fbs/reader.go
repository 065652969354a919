// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fbs

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrBounds reports a position outside of the buffer.
var ErrBounds = errors.New("position outside of the buffer")

// Reader answers questions about one buffer. Nothing it returns is copied. It
// is for one goroutine; its tables and vectors share its error.
type Reader struct {
	b   []byte
	err error
}

// NewReader returns a Reader of b, which must not change while it is used.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err is the first thing that was wrong with the buffer; it matches [ErrBounds].
func (r *Reader) Err() error { return r.err }

// Root is the root table.
func (r *Reader) Root() Table { return r.table(0) }

// table is the table referred to at pos.
func (r *Reader) table(pos int) Table {
	at := r.follow(pos)
	vt := at - int(int32(r.u32(at)))
	n := int(r.u16(vt))
	if r.err != nil {
		return Table{r: r}
	}
	if !r.within(vt, n) || n < 4 {
		return Table{r: r}
	}
	return Table{r: r, at: at, vtable: vt, slots: (n - 4) / 2}
}

// follow is the position that the reference at pos leads to.
func (r *Reader) follow(pos int) int { return pos + int(r.u32(pos)) }

// within says whether the n bytes at pos are in the buffer, and makes it an
// error if not.
func (r *Reader) within(pos, n int) bool {
	if r.err == nil && (pos < 0 || n < 0 || pos > len(r.b) || n > len(r.b)-pos) {
		r.err = fmt.Errorf("%d bytes at %d of %d: %w", n, pos, len(r.b), ErrBounds)
	}
	return r.err == nil
}

func (r *Reader) u16(pos int) uint16 {
	if !r.within(pos, 2) {
		return 0
	}
	return binary.LittleEndian.Uint16(r.b[pos:])
}

func (r *Reader) u32(pos int) uint32 {
	if !r.within(pos, 4) {
		return 0
	}
	return binary.LittleEndian.Uint32(r.b[pos:])
}

func (r *Reader) u64(pos int) uint64 {
	if !r.within(pos, 8) {
		return 0
	}
	return binary.LittleEndian.Uint64(r.b[pos:])
}

// bytes is the vector of bytes, or string, that starts at pos.
func (r *Reader) bytes(pos int) []byte {
	n := int(r.u32(pos))
	if !r.within(pos+4, n) {
		return nil
	}
	return r.b[pos+4 : pos+4+n : pos+4+n]
}
