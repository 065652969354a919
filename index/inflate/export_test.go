// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "bytes"

// MaxMemberHeader is the size of the largest gzip member header.
const MaxMemberHeader = maxMemberHeader

// Pieces says how DecodeRaw hands out input and output: each function gives
// the next number of bytes.
type Pieces struct{ In, Out func() int }

// AtOnce is one piece each.
func AtOnce() Pieces {
	all := func() int { return 1 << 30 }
	return Pieces{all, all}
}

// DecodeRaw decodes a raw DEFLATE stream to its end, in pieces, into at most
// limit bytes. Each piece of input lies in an allocation of its own. It
// returns what was decoded before an error, too, and the bytes consumed.
func DecodeRaw(stream, window []byte, limit int, p Pieces) (out []byte, consumed int, err error) {
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	d.start(nil, 0)
	o := &d.out
	*o = newOutput(nil, window, limit)
	o.limit = o.pos
	given, end := 0, len(window)+limit
	defer func() {
		d.bits.align()
		out, consumed = o.buf[len(window):o.pos], given-(len(d.bits.in)-d.bits.pos)
	}()
	for {
		ev, err := d.decode()
		switch {
		case err != nil:
			return nil, 0, err
		case ev == evEnd:
			return nil, 0, nil
		case ev == evLimit && o.pos >= end:
			return nil, 0, ErrLimit
		case ev == evLimit:
			o.limit = max(o.limit, min(end, o.pos+p.Out()))
		case ev == evInput && given == len(stream):
			return nil, 0, ErrTruncated
		case ev == evInput:
			d.bits.unread()
			n := min(p.In(), len(stream)-given)
			rest := bytes.Clone(d.bits.in[d.bits.pos:])
			clear(d.bits.in)
			d.bits.in = append(rest, stream[given:given+n]...)
			d.bits.in = append(make([]byte, 0, len(d.bits.in)), d.bits.in...)
			d.bits.pos = 0
			given += n
		}
	}
}

// DecodeTrace is DecodeAt; it adds to used the bytes of the window that the n
// bytes refer to.
func DecodeTrace(buf []byte, in Input, bitPos int64, window []byte, n int, used *Mask) ([]byte, error) {
	return Piece{In: in, Start: bitPos, Window: window, Size: n, Used: used}.Decode(buf)
}

// DecodeMasked is DecodeAt with a window of which only the bytes in known are
// what they were.
func DecodeMasked(buf []byte, in Input, bitPos int64, window []byte, known *Mask, n int) ([]byte, error) {
	return Piece{In: in, Start: bitPos, Window: window, Size: n, Known: known}.Decode(buf)
}

// ErrLimit is returned by DecodeRaw for more output than allowed.
var ErrLimit = bytes.ErrTooLarge
