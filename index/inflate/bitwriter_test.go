// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import "math/bits"

// bitWriter writes DEFLATE by hand.
type bitWriter struct {
	bytes []byte
	buf   uint32
	n     uint
}

// bits appends the low n <= 16 bits of v, least significant first.
func (w *bitWriter) bits(v uint32, n uint) {
	w.buf |= v & (1<<n - 1) << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.bytes = append(w.bytes, byte(w.buf))
		w.buf >>= 8
	}
}

// code appends a codeword of n bits, most significant first.
func (w *bitWriter) code(v uint32, n uint) { w.bits(bits.Reverse32(v)>>(32-n), n) }

// finish pads with zeros to a byte.
func (w *bitWriter) finish() []byte {
	if w.n > 0 {
		w.bits(0, 8-w.n)
	}
	return w.bytes
}

// header writes the header of a final dynamic block with the given code lengths,
// each sent by itself with a code length code of 16 codewords of 4 bits.
func (w *bitWriter) header(lit, dist []uint8) {
	w.bits(1, 1)
	w.bits(2, 2)
	w.bits(uint32(len(lit)-257), 5)
	w.bits(uint32(len(dist)-1), 5)
	w.bits(15, 4)
	for _, s := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		if s < 16 {
			w.bits(4, 3)
		} else {
			w.bits(0, 3)
		}
	}
	for _, l := range append(append([]uint8{}, lit...), dist...) {
		w.code(uint32(l), 4)
	}
}
