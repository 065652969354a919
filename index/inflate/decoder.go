// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "errors"

// event is why decode returned.
type event uint8

const (
	evLimit event = iota // the output's limit is reached
	evInput              // more input is needed; nothing of a symbol or header is consumed
	evBlock              // a block that is not the last one ended
	evEnd                // the last block ended
)

// exit is why a symbol loop ended.
type exit uint8

const (
	exitMore exit = iota // output limit reached or too little input left
	exitEnd              // end of block symbol
	exitFar              // decoder.match reaches below output.near
	exitCorrupt
)

type state uint8

const (
	atHeader state = iota
	inStored
	inHuffman
)

// decoder is a resumable DEFLATE decoder: it stops at the limit of the output,
// at the end of the input and at each end of a block, and goes on from there,
// also with other input and output buffers.
//
// The buffers of a decoder must be on the heap (DecodeAt's escape through the
// pool, a Walker's to its reader and sink): fast holds addresses in integers,
// which do not follow a stack that moves.
type decoder struct {
	bits   bitReader
	out    output
	state  state
	final  bool    // the current block is the last one
	stored int     // bytes left of a stored block
	tab    *tables // of the current block: &dynamic or fixedTables
	far    match   // at exitFar: decoded and not yet copied
	refs   *refs   // watches references to the window, may be nil
	err    error   // sticky

	dynamic tables
	pre     [1 << preBits]uint32
	lens    [numLit + numDist]uint8
}

// start begins a stream at bit position bit of in.
func (d *decoder) start(in []byte, bit int64) {
	d.bits.startAt(in, bit)
	d.restart()
}

// restart begins a new stream where the reader is.
func (d *decoder) restart() {
	d.state, d.final, d.err = atHeader, false, nil
}

// decode appends to out until something of an event happens. Errors are
// ErrCorrupt only, stay, and are not reported before output that is complete
// without what is corrupt.
func (d *decoder) decode() (event, error) {
	o := &d.out
	for o.pos < o.limit {
		if d.err != nil {
			return 0, d.err
		}
		switch d.state {
		case atHeader:
			if err := d.header(); errors.Is(err, errShort) {
				return evInput, nil
			} else if err != nil {
				d.err = err
			}
		case inStored:
			if !d.copyStored() {
				return evInput, nil
			}
			if d.stored == 0 {
				return d.endBlock(), nil
			}
		case inHuffman:
			switch d.symbols() {
			case exitEnd:
				return d.endBlock(), nil
			case exitCorrupt:
				d.err = ErrCorrupt
			case exitMore:
				if o.pos < o.limit {
					return evInput, nil
				}
			}
		}
	}
	return evLimit, nil
}

func (d *decoder) endBlock() event {
	d.state = atHeader
	if d.final {
		return evEnd
	}
	return evBlock
}

// copyStored copies what input and output allow. It reports false when it is
// stopped by the end of the input.
func (d *decoder) copyStored() bool {
	b, o := &d.bits, &d.out
	n := min(d.stored, o.limit-o.pos, len(b.in)-b.pos)
	copy(o.buf[o.pos:], b.in[b.pos:b.pos+n])
	b.pos += n
	o.pos += n
	d.stored -= n
	return d.stored == 0 || o.pos == o.limit
}

// symbols decodes Huffman data. Both loops leave the references that are not
// plain copies to it.
func (d *decoder) symbols() exit {
	for {
		x := d.fast()
		if x == exitMore {
			x = d.careful()
		}
		if x != exitFar {
			return x
		}
		if !d.copyFarMatch() {
			return exitCorrupt
		}
	}
}

// copyFarMatch copies the match far, if what it refers to is there.
func (d *decoder) copyFarMatch() bool {
	o, m := &d.out, d.far
	if m.dist > o.pos-o.hist || !d.refs.allow(o, m) {
		return false
	}
	o.copyMatch(m.length, m.dist)
	return true
}

// careful decodes symbol by symbol. A match counts as one with its distance.
func (d *decoder) careful() exit {
	b, o, t := &d.bits, &d.out, d.tab
	for o.pos < o.limit {
		b.refill()
		e, size := lookup(t.lit[:], litBits, b.buf)
		if size > b.n {
			return exitMore
		}
		switch {
		case e&isLiteral != 0:
			o.buf[o.pos] = byte(e >> 16)
			o.pos++
			b.take(size)
			continue
		case e&isEnd != 0:
			b.take(size)
			return exitEnd
		case e&isSpecial != 0:
			return exitCorrupt
		}
		length := value(e, b.buf>>(size-uint(e&dropMask)))
		e, more := lookup(t.dist[:], distBits, b.buf>>size)
		if size+more > b.n {
			return exitMore
		}
		if e&isSpecial != 0 {
			return exitCorrupt
		}
		dist := value(e, b.buf>>(size+more-uint(e&dropMask)))
		b.take(size + more)
		if dist > o.pos-o.near() {
			d.far = match{length, dist}
			return exitFar
		}
		o.copyMatch(length, dist)
	}
	return exitMore
}

// lookup finds the entry of the symbol at the low end of buf, and the number of
// bits of the symbol with its extra bits. If these are more than buf holds,
// the entry means nothing.
func lookup(table []uint32, tbits uint, buf uint64) (e uint32, size uint) {
	e = table[buf&(1<<tbits-1)]
	if e&isLink != 0 {
		sub := (buf >> tbits) & (1<<(e>>8&63) - 1)
		e = table[uint64(e>>16)+sub]
		size = tbits
	}
	return e, size + uint(e&dropMask)
}

// value is base plus extra bits of the symbol e whose (rest of the) codeword
// is at the low end of buf.
func value(e uint32, buf uint64) int {
	return int(uint64(e>>16) + buf&(1<<(e&dropMask)-1)>>(e>>8&63))
}
