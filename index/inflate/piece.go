// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "fmt"

// Piece is a part of a stream that decodes alone.
type Piece struct {
	In Input
	// Start is the bit position in In of the DEFLATE block header that the
	// piece begins with.
	Start int64
	// End is the bit position in In at which the next piece starts, or the
	// end of In where the stream ends with the piece. 0 says that this is not
	// known: what follows the output is not looked at then.
	End int64
	// Size is the number of bytes of output.
	Size int
	// Window is the output before the piece: at most WindowSize bytes.
	Window []byte
	// Known, if not nil, are the bytes of Window that are what they were: a
	// reference to another byte is ErrCorrupt.
	Known *Mask
	// Used, if not nil and Known is nil, is given the bytes of Window that
	// the output refers to.
	Used *Mask
}

// Decode inflates exactly Size bytes. gzip member ends are crossed: 8 trailer
// bytes are skipped, unchecked, and the next member header is parsed; members do
// not refer back to matter of earlier ones.
//
// buf is used when cap(buf) >= BufferSize(Size); it must not overlap In. The
// result aliases buf then, and Window may as well. Nothing larger than
// BufferSize of 1032 times the input is allocated.
//
// Errors: ErrCorrupt, also for a reference to before the window, ErrTruncated,
// and ErrEnd if the stream does not get from the last byte to End without more
// output, wrapped with the bit position.
func (p Piece) Decode(buf []byte) ([]byte, error) {
	if p.Size < 0 || len(p.Window) > WindowSize {
		return nil, fmt.Errorf("inflate: %d bytes after a window of %d bytes", p.Size, len(p.Window))
	}
	left := int64(len(p.In.b))*8 - p.Start
	if p.Start < 0 || left < 0 || int64(p.Size)/maxPerBit > left {
		return nil, at(ErrTruncated, p.Start)
	}
	d := decoders.Get().(*decoder)
	d.start(p.In.b, p.Start)
	d.out, d.refs = newOutput(buf, p.Window, p.Size), p.refs()
	if d.refs != nil {
		d.out.watch = len(p.Window)
	}
	err := d.decodeMembers()
	if err == nil && p.End != 0 {
		err = d.passTo(p.End)
	}
	pos, out := d.bits.bitPos(), d.out.buf
	d.release()
	if err != nil {
		return nil, at(err, pos)
	}
	n := len(p.Window)
	return out[n : n+p.Size : n+p.Size], nil
}

// refs is what watches references to the window, nil if nothing does.
func (p Piece) refs() *refs {
	switch {
	case p.Known != nil:
		return &refs{mask: p.Known}
	case p.Used != nil:
		return &refs{mask: p.Used, add: true}
	}
	return nil
}

// CheckLead says whether in begins with a gzip member and gets to bit position
// end, where a block header starts, without output. Errors are those of
// [Piece.Decode].
func CheckLead(in Input, end int64) error {
	n, err := memberHeader(in.b)
	if err != nil {
		return at(ErrCorrupt, 0)
	}
	d := decoders.Get().(*decoder)
	d.start(in.b, int64(n)*8)
	d.out = newOutput(nil, nil, 0)
	err = d.passTo(end)
	pos := d.bits.bitPos()
	d.release()
	if err != nil {
		return at(err, pos)
	}
	return nil
}

// release gives d back to the pool, without what it refers to.
func (d *decoder) release() {
	d.bits, d.out, d.refs = bitReader{}, output{}, nil
	decoders.Put(d)
}
