// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"encoding/binary"
	"errors"
)

// header reads the header of a block, with the tables or the length that follow:
// all of it, or, returning errShort, nothing.
func (d *decoder) header() error {
	start := d.bits
	err := d.readHeader()
	if errors.Is(err, errShort) {
		d.bits = start
	}
	return err
}

func (d *decoder) readHeader() error {
	d.bits.refill()
	if d.bits.n < 3 {
		return errShort
	}
	d.final = d.bits.take(1) == 1
	switch d.bits.take(2) {
	case 0:
		return d.storedHeader()
	case 1:
		d.tab = fixedTables
		d.state = inHuffman
		return nil
	case 2:
		return d.dynamicHeader()
	}
	return ErrCorrupt
}

// storedHeader follows RFC 1951, 3.2.4.
func (d *decoder) storedHeader() error {
	b := &d.bits
	b.align()
	if len(b.in)-b.pos < 4 {
		return errShort
	}
	n := binary.LittleEndian.Uint16(b.in[b.pos:])
	if n != ^binary.LittleEndian.Uint16(b.in[b.pos+2:]) {
		return ErrCorrupt
	}
	b.pos += 4
	d.stored = int(n)
	d.state = inStored
	return nil
}

// preOrder is the order in which the lengths of the code length code are sent.
var preOrder = [numPre]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicHeader follows RFC 1951, 3.2.7.
func (d *decoder) dynamicHeader() error {
	b := &d.bits
	if b.n < 14 {
		return errShort
	}
	nlit, ndist, npre := int(b.take(5))+257, int(b.take(5))+1, int(b.take(4))+4
	if nlit > numLit || ndist > numDist {
		return ErrCorrupt
	}
	var lens [numPre]uint8
	for i := range npre {
		if b.n < 3 {
			b.refill()
		}
		if b.n < 3 {
			return errShort
		}
		lens[preOrder[i]] = uint8(b.take(3))
	}
	if !buildTable(d.pre[:], preBits, lens[:], preSymbols[:]) {
		return ErrCorrupt
	}
	n := nlit + ndist
	if err := d.readLengths(d.lens[:n]); err != nil {
		return err
	}
	t := &d.dynamic
	if !buildTable(t.lit[:], litBits, d.lens[:nlit], litSymbols[:]) ||
		!buildTable(t.dist[:], distBits, d.lens[nlit:n], distSymbols[:]) {
		return ErrCorrupt
	}
	d.tab = t
	d.state = inHuffman
	return nil
}

// readLengths decodes code lengths.
func (d *decoder) readLengths(lens []uint8) error {
	b := &d.bits
	for i := 0; i < len(lens); {
		if b.n < preBits+7 {
			b.refill()
		}
		e := d.pre[b.buf&(1<<preBits-1)]
		size := uint(e & dropMask)
		if size > b.n {
			return errShort
		}
		if e&isSpecial != 0 {
			return ErrCorrupt
		}
		s := e >> 16
		if s < 16 {
			b.take(size)
			lens[i] = uint8(s)
			i++
			continue
		}
		r := repeats[s-16]
		if size+r.bits > b.n {
			return errShort
		}
		b.take(size)
		count := r.base + int(b.take(r.bits))
		if count > len(lens)-i || s == 16 && i == 0 {
			return ErrCorrupt
		}
		v := uint8(0)
		if s == 16 {
			v = lens[i-1]
		}
		for end := i + count; i < end; i++ {
			lens[i] = v
		}
	}
	return nil
}

// repeats describes the code length symbols 16 to 18.
var repeats = [...]struct {
	base int
	bits uint
}{{3, 2}, {3, 3}, {11, 7}}
