// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "math/bits"

// codewords enumerates the codewords of a canonical code (RFC 1951, 3.2.2) by
// length, then symbol. Codewords are held bit-reversed, as they appear in the
// bit buffer.
type codewords struct {
	counts [maxCodeBits + 1]uint16 // symbols of each length; [0] unused
	sorted [numFixedLit]uint16     // symbols in order
	next   int                     // index in sorted
	code   uint32                  // codeword of sorted[next]
	size   uint                    // its length
	left   uint16                  // symbols of this length not yet used
}

// sort orders the symbols of lens, each at most maxCodeBits. It returns the
// sum of 2^-length over the symbols, in units of 2^-maxCodeBits.
func (c *codewords) sort(lens []uint8) (kraft int) {
	for _, l := range lens {
		c.counts[l&maxCodeBits]++
	}
	c.counts[0] = 0
	var offs [maxCodeBits + 2]uint16
	for l := 1; l <= maxCodeBits; l++ {
		kraft = kraft<<1 + int(c.counts[l])
		offs[l+1] = offs[l] + c.counts[l]
	}
	for s, l := range lens {
		if l != 0 {
			c.sorted[offs[l&maxCodeBits]] = uint16(s)
			offs[l&maxCodeBits]++
		}
	}
	return kraft
}

// buildTable fills the decode table of the code that gives symbol i, whose
// entry is symbols[i], a codeword of lens[i] bits. It reports false for codes
// that are over-subscribed or incomplete, except for an empty code and for a
// single codeword of one bit, which zlib and compress/flate accept; bits that
// are no codeword give invalid entries then.
func buildTable(table []uint32, tbits uint, lens []uint8, symbols []uint32) bool {
	var c codewords
	switch kraft := c.sort(lens); {
	case kraft > 1<<maxCodeBits:
		return false
	case kraft < 1<<maxCodeBits:
		return c.fillDegenerate(table[:1<<tbits], kraft, symbols)
	}
	// Codewords that fit: the table holds the first 1<<size entries, and is
	// doubled whenever the length grows.
	for c.size = 1; c.counts[c.size] == 0; c.size++ {
	}
	c.left = c.counts[c.size]
	end := uint32(1) << c.size
	for c.size <= tbits {
		for ; c.left > 0; c.left-- {
			table[c.code] = entry(symbols[c.sorted[c.next]], uint32(c.size))
			c.next++
			if c.code == end-1 {
				for ; end < 1<<tbits; end <<= 1 {
					copy(table[end:2*end], table[:end])
				}
				return true
			}
			c.code = successor(c.code, c.size)
		}
		for c.left == 0 {
			c.size++
			if c.size <= tbits {
				copy(table[end:2*end], table[:end])
				end <<= 1
			}
			c.left = c.counts[c.size]
		}
	}
	return c.fillSubtables(table, tbits, symbols)
}

// fillSubtables places the codewords longer than tbits, at least one.
func (c *codewords) fillSubtables(table []uint32, tbits uint, symbols []uint32) bool {
	end := uint32(1) << tbits
	start, prefix := end, ^uint32(0)
	for {
		if p := c.code & (1<<tbits - 1); p != prefix {
			prefix, start = p, end
			// The subtable is complete as well: it is as wide as it takes
			// to hold the codewords that share the prefix.
			width := c.size - tbits
			for used := uint32(c.left); used < 1<<width; {
				width++
				used = used<<1 + uint32(c.counts[tbits+width])
			}
			end = start + 1<<width
			if int(end) > len(table) {
				return false
			}
			table[prefix] = start<<16 | isSpecial | isLink | uint32(width)<<8 | uint32(tbits)
		}
		e := entry(symbols[c.sorted[c.next]], uint32(c.size-tbits))
		c.next++
		for i := start + c.code>>tbits; i < end; i += 1 << (c.size - tbits) {
			table[i] = e
		}
		if c.code == 1<<c.size-1 {
			return true
		}
		c.code = successor(c.code, c.size)
		for c.left--; c.left == 0; {
			c.size++
			c.left = c.counts[c.size]
		}
	}
}

// fillDegenerate makes the table of an incomplete code.
func (c *codewords) fillDegenerate(table []uint32, kraft int, symbols []uint32) bool {
	if kraft != 0 && (kraft != 1<<(maxCodeBits-1) || c.counts[1] != 1) {
		return false
	}
	for i := range table {
		table[i] = isSpecial | 1
	}
	if kraft != 0 {
		e := entry(symbols[c.sorted[0]], 1)
		for i := 0; i < len(table); i += 2 {
			table[i] = e
		}
	}
	return true
}

// entry is the table entry of a symbol with a codeword of size bits.
func entry(symbol, size uint32) uint32 { return symbol + size + size<<8 }

// successor increments a bit-reversed codeword that is not all ones.
func successor(code uint32, size uint) uint32 {
	bit := uint32(1) << (bits.Len32(code^(1<<size-1)) - 1)
	return code&(bit-1) | bit
}
