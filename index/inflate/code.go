// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// Table entries, uint32. One entry says everything about a symbol, so that
// codeword and extra bits are dropped with one shift:
//
//	bits  0-5   bits to drop: codeword plus extra bits
//	bit   6     link to a subtable
//	bit   7     literal
//	bits  8-13  length of the codeword; of a link: index bits of the subtable
//	bit   14    special: link, end of block or invalid
//	bit   15    end of block
//	bits 16-31  literal, base of length or distance, code length symbol, or
//	            start of the subtable
const (
	dropMask  = 63
	isLink    = 1 << 6
	isLiteral = 1 << 7
	isSpecial = 1 << 14
	isEnd     = 1 << 15
)

// Index bits of the tables. Larger ones (measured: 12 and 9) gain nothing and
// leave the first level cache.
const (
	litBits  = 11
	distBits = 8
	preBits  = 7 // the longest code length code: no subtables
)

// Largest tables that any complete code can need, subtables included, for 288
// symbols at 11 bits and 32 symbols at 8 bits, codewords up to 15 bits. They
// are what "enough 288 11 15" and "enough 32 8 15" of zlib's examples print;
// TestTableSizes computes them again.
const (
	litTableSize  = 2342
	distTableSize = 402
)

// Limits of RFC 1951, 3.2.5 to 3.2.7.
const (
	maxCodeBits = 15
	numLit      = 286 // in a dynamic block; the fixed code has 288
	numDist     = 30  // in a dynamic block; the fixed code has 32
	numPre      = 19
	numFixedLit = 288
	numFixDist  = 32
	endSymbol   = 256
)

// tables decodes the symbols of one block.
type tables struct {
	lit  [litTableSize]uint32
	dist [distTableSize]uint32
}

var (
	// litSymbols, distSymbols and preSymbols are the entries of the symbols
	// of each alphabet before the length of the codeword is known: bits 0-5
	// hold the number of extra bits only.
	litSymbols  = makeLitSymbols()
	distSymbols = makeDistSymbols()
	preSymbols  = makePreSymbols()

	fixedTables = makeFixedTables()
)

// makeLitSymbols follows RFC 1951, 3.2.5.
func makeLitSymbols() (s [numFixedLit]uint32) {
	for i := range uint32(endSymbol) {
		s[i] = i<<16 | isLiteral
	}
	s[endSymbol] = isSpecial | isEnd
	base := uint32(3)
	for i := uint32(257); i < 285; i++ {
		extra := uint32(0)
		if i >= 265 {
			extra = (i - 261) / 4
		}
		s[i] = base<<16 | extra
		base += 1 << extra
	}
	s[285] = 258 << 16
	s[286], s[287] = isSpecial, isSpecial
	return s
}

// makeDistSymbols follows RFC 1951, 3.2.5.
func makeDistSymbols() (s [numFixDist]uint32) {
	base := uint32(1)
	for i := range uint32(numDist) {
		extra := uint32(0)
		if i >= 2 {
			extra = (i - 2) / 2
		}
		s[i] = base<<16 | extra
		base += 1 << extra
	}
	s[30], s[31] = isSpecial, isSpecial
	return s
}

func makePreSymbols() (s [numPre]uint32) {
	for i := range s {
		s[i] = uint32(i) << 16
	}
	return s
}

// makeFixedTables follows RFC 1951, 3.2.6.
func makeFixedTables() *tables {
	var lens [numFixedLit + numFixDist]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		case i < numFixedLit:
			lens[i] = 8
		default:
			lens[i] = 5
		}
	}
	t := new(tables)
	ok := buildTable(t.lit[:], litBits, lens[:numFixedLit], litSymbols[:]) &&
		buildTable(t.dist[:], distBits, lens[numFixedLit:], distSymbols[:])
	if !ok {
		panic("inflate: fixed code")
	}
	return t
}
