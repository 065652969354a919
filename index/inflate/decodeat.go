// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"errors"
	"fmt"
	"sync"
)

// maxPerBit is the most output a bit of input can give: a match of 258 bytes
// takes at least two.
const maxPerBit = 129

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// DecodeAt inflates exactly n bytes of output that follow window (at most
// WindowSize bytes, may be shorter) from bit position bitPos of in, where a
// DEFLATE block header starts. gzip member ends are crossed: 8 trailer bytes
// are skipped, unchecked, and the next member header is parsed; members do not
// refer back to matter of earlier ones. Input after the n bytes is not looked at.
//
// buf is used when cap(buf) >= BufferSize(n); it must not overlap in. The
// result aliases buf then, and window may as well. Nothing larger than
// BufferSize of 1032 times the input is allocated.
//
// Errors: ErrCorrupt, also for a reference to before the window, and
// ErrTruncated, wrapped with the bit position.
func DecodeAt(buf []byte, in Input, bitPos int64, window []byte, n int) ([]byte, error) {
	return decodeAt(buf, in, bitPos, window, n, nil)
}

// DecodeTrace is [DecodeAt]; it adds to used the bytes of the window that the n
// bytes refer to.
func DecodeTrace(buf []byte, in Input, bitPos int64, window []byte, n int, used *Mask) ([]byte, error) {
	return decodeAt(buf, in, bitPos, window, n, &refs{mask: used, add: true})
}

// DecodeMasked is [DecodeAt] with a window of which only the bytes in known are
// what they were: a reference to another byte is ErrCorrupt.
func DecodeMasked(buf []byte, in Input, bitPos int64, window []byte, known *Mask, n int) ([]byte, error) {
	return decodeAt(buf, in, bitPos, window, n, &refs{mask: known})
}

// decodeAt is DecodeAt with references to the window watched by r, if not nil.
func decodeAt(buf []byte, in Input, bitPos int64, window []byte, n int, r *refs) ([]byte, error) {
	if n < 0 || len(window) > WindowSize {
		return nil, fmt.Errorf("inflate: %d bytes after a window of %d bytes", n, len(window))
	}
	left := int64(len(in.b))*8 - bitPos
	if bitPos < 0 || left < 0 || int64(n)/maxPerBit > left {
		return nil, at(ErrTruncated, bitPos)
	}
	d := decoders.Get().(*decoder)
	d.start(in.b, bitPos)
	d.out, d.refs = newOutput(buf, window, n), r
	if r != nil {
		d.out.watch = len(window)
	}
	err := d.decodeMembers()
	pos, out := d.bits.bitPos(), d.out.buf
	d.bits, d.out, d.refs = bitReader{}, output{}, nil
	decoders.Put(d)
	if err != nil {
		return nil, at(err, pos)
	}
	return out[len(window) : len(window)+n : len(window)+n], nil
}

// decodeMembers fills the output up to its limit.
func (d *decoder) decodeMembers() error {
	o := &d.out
	for o.pos < o.limit {
		switch ev, err := d.decode(); {
		case err != nil:
			return err
		case ev == evInput:
			return ErrTruncated
		case ev == evEnd && o.pos < o.limit:
			if err := d.nextMember(); err != nil {
				return err
			}
			o.hist = o.pos
		}
	}
	return nil
}

// nextMember skips the trailer of a member and the header of the next.
func (d *decoder) nextMember() error {
	b := &d.bits
	b.align()
	if len(b.in)-b.pos <= memberTrailer {
		return ErrTruncated
	}
	n, err := memberHeader(b.in[b.pos+memberTrailer:])
	switch {
	case errors.Is(err, errShort):
		return ErrTruncated
	case err != nil:
		return ErrCorrupt
	}
	b.pos += memberTrailer + n
	d.restart()
	return nil
}

// BufferSize is the capacity with which DecodeAt does not allocate for n bytes.
func BufferSize(n int) int { return WindowSize + n + OutputSlack }
