// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"errors"
	"sync"
)

// maxPerBit is the most output a bit of input can give: a match of 258 bytes
// takes at least two.
const maxPerBit = 129

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// DecodeAt is [Piece.Decode] of n bytes that follow window from bit position
// bitPos of in, wherever they end.
func DecodeAt(buf []byte, in Input, bitPos int64, window []byte, n int) ([]byte, error) {
	return Piece{In: in, Start: bitPos, Window: window, Size: n}.Decode(buf)
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
