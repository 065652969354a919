// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "encoding/binary"

// bitReader takes bits, least significant first (RFC 1951, 3.1.1).
//
// Bits of buf above n are either zero or equal to the input bits that belong
// there; reading the same bytes into them again changes nothing.
type bitReader struct {
	in  []byte
	pos int    // next byte of in that is not counted in n
	buf uint64 // n valid bits
	n   uint   // 0..63
}

// startAt puts the reader at bit position bit of in, 0 <= bit <= 8*len(in).
func (b *bitReader) startAt(in []byte, bit int64) {
	*b = bitReader{in: in, pos: int(bit >> 3)}
	if r := uint(bit & 7); r != 0 {
		b.buf, b.n = uint64(in[b.pos])>>r, 8-r
		b.pos++
	}
}

// refill makes n at least 56, or as large as the input allows.
func (b *bitReader) refill() {
	if len(b.in)-b.pos >= 8 {
		b.buf |= binary.LittleEndian.Uint64(b.in[b.pos:]) << (b.n & 63)
		b.pos += int((63 - b.n) >> 3)
		b.n |= 56
		return
	}
	for b.n < 56 && b.pos < len(b.in) {
		b.buf |= uint64(b.in[b.pos]) << (b.n & 63)
		b.pos++
		b.n += 8
	}
}

// take removes k bits; the caller has checked k <= n.
func (b *bitReader) take(k uint) uint {
	v := uint(b.buf & (1<<(k&63) - 1))
	b.buf >>= k & 63
	b.n -= k
	return v
}

// unread gives whole bytes back to the input, so that n < 8.
func (b *bitReader) unread() {
	b.pos -= int(b.n >> 3)
	b.n &= 7
	b.buf &= 1<<b.n - 1
}

// align drops the bits up to the next byte boundary and gives the rest back:
// pos is then the position, n is 0.
func (b *bitReader) align() {
	b.unread()
	b.buf, b.n = 0, 0
}

// bitPos is the position in in.
func (b *bitReader) bitPos() int64 { return int64(b.pos)*8 - int64(b.n) }
