// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"fmt"
	"hash/crc32"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/ztoc"
)

// prover decodes pieces again, each from its own point, compares them with
// what the walker found, and learns which bytes of their windows they need.
type prover struct {
	compression ztoc.Compression
	spans       []compact.SpanSource // of fine points, without digests
	outs        chan []byte          // buffers to decode to
}

func newProver(c ztoc.Compression) *prover {
	return &prover{compression: c, outs: make(chan []byte, maxPieces)}
}

// prove sets p.decoded. A piece that does not decode to what the walker found
// is ErrMismatch.
func (v *prover) prove(p *piece) error {
	var used inflate.Mask
	switch {
	case !p.coarse && !p.fine:
		return nil
	case v.compression == ztoc.Gzip:
		if err := v.decode(p, &used); err != nil {
			return fmt.Errorf("decode %d bytes of layer from byte %d again: %w", p.size, p.in, err)
		}
	}
	if !p.fine {
		return nil
	}
	if n := len(v.spans); n > 0 {
		v.spans[n-1].End = p.in
	}
	v.spans = append(v.spans, newSpan(p, &used))
	return nil
}

// decode decodes p and adds what it needs of its window to used.
func (v *prover) decode(p *piece, used *inflate.Mask) error {
	var buf []byte
	select {
	case buf = <-v.outs:
	default:
	}
	if n := inflate.BufferSize(int(p.size)); cap(buf) < n {
		buf = make([]byte, n)
	}
	bit := int64(8*p.shared()) - int64(p.bits)
	out, err := inflate.Piece{In: inflate.PadInput(p.data), Start: bit, Window: p.window, Size: int(p.size), Used: used}.Decode(buf)
	if err != nil {
		return err
	}
	if crc32.ChecksumIEEE(out) != p.crc {
		return ErrMismatch
	}
	p.buf, p.decoded = buf, out
	return nil
}

// recycle takes the output of p back. It may be called by any goroutine.
func (v *prover) recycle(p *piece) {
	if p.buf == nil {
		return
	}
	select {
	case v.outs <- p.buf:
	default:
	}
}

// newSpan is the span that begins with p, with the bytes of its window that
// are used.
func newSpan(p *piece, used *inflate.Mask) compact.SpanSource {
	s := compact.SpanSource{Start: p.start(), Bits: p.bits, OutStart: p.out}
	n := used.Len()
	if n == 0 {
		return s
	}
	mask := *used
	s.Mask, s.Window = &mask, make([]byte, 0, n)
	missing := inflate.WindowSize - len(p.window)
	for i, b := range p.window {
		if mask.Has(i + missing) {
			s.Window = append(s.Window, b)
		}
	}
	return s
}
