// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
)

// gzipLayer is the layer of a gzip blob.
type gzipLayer struct {
	spans
	checkpoints []Checkpoint
}

var _ span.Layer = (*gzipLayer)(nil)

// gzipLayer checks the checkpoints and makes spans of them.
func (z *Ztoc) gzipLayer() (*gzipLayer, error) {
	if err := z.checkGzipBlob(); err != nil {
		return nil, err
	}
	n := len(z.Checkpoints)
	if err := z.checkCount(int64(n)); err != nil {
		return nil, err
	}
	l := &gzipLayer{spans: spans{list: make([]span.Span, n), size: z.CompressedSize}, checkpoints: z.Checkpoints}
	for i := range l.list {
		s := z.gzipSpan(i)
		if err := z.checkGzipSpan(s); err != nil {
			return nil, err
		}
		sum, err := parseDigest(z.SpanDigests[i])
		if err != nil {
			return nil, err
		}
		s.Digest = sum
		l.list[i] = s
	}
	return l, nil
}

// gzipSpan is span i without its digest. The last one ends with the archive;
// it is empty if it starts behind it, in what follows the end marker.
func (z *Ztoc) gzipSpan(i int) span.Span {
	c := z.Checkpoints[i]
	s := span.Span{ID: span.ID(i), Start: c.start(), OutStart: c.Out}
	if i+1 < len(z.Checkpoints) {
		next := z.Checkpoints[i+1]
		s.End, s.OutEnd = next.In, next.Out
	} else {
		s.End = span.CompressedOffset(z.CompressedSize)
		s.OutEnd = max(span.UncompressedOffset(z.UncompressedSize), s.OutStart)
	}
	return s
}

// checkGzipSpan checks s and the checkpoint it starts with.
func (z *Ztoc) checkGzipSpan(s span.Span) error {
	c := z.Checkpoints[s.ID]
	last := int(s.ID) == len(z.Checkpoints)-1
	if c.In < 1 || c.Out < 0 || c.Bits > 7 || (s.ID == 0 && c.Out != 0) {
		return fmt.Errorf("checkpoint %d: in %d, out %d, bits %d: %w", s.ID, c.In, c.Out, c.Bits, ErrInvalid)
	}
	empty := s.OutEnd == s.OutStart && (last || s.OutStart == 0)
	if s.Start >= s.End || s.End > span.CompressedOffset(z.CompressedSize) || (s.OutEnd <= s.OutStart && !empty) {
		return fmt.Errorf("span %d: bytes %d to %d of %d decode to %d to %d: %w",
			s.ID, s.Start, s.End, z.CompressedSize, s.OutStart, s.OutEnd, ErrInvalid)
	}
	if err := checkSize(s); err != nil {
		return err
	}
	if s.UncompressedSize() > maxRatio*s.CompressedSize() {
		return fmt.Errorf("span %d: %d bytes cannot decode to %d: %w",
			s.ID, s.CompressedSize(), s.UncompressedSize(), ErrInvalid)
	}
	return nil
}

// Decode implements [span.Layer]. Errors are those of [inflate.Piece.Decode].
func (l *gzipLayer) Decode(buf []byte, data span.Verified) ([]byte, error) {
	s, err := l.own(data)
	if err != nil {
		return nil, err
	}
	p := l.piece(s, data.Bytes())
	if int(s.ID)+1 < len(l.checkpoints) {
		p.End = l.checkpoints[s.ID+1].bit() - 8*int64(s.Start)
	}
	out, err := p.Decode(buf)
	if err != nil {
		return nil, fmt.Errorf("decode span %d: %w", s.ID, err)
	}
	return out, nil
}

// piece is span s, whose bytes are data, without its end.
func (l *gzipLayer) piece(s span.Span, data []byte) inflate.Piece {
	c := l.checkpoints[s.ID]
	return inflate.Piece{
		In: inflate.PadInput(data), Start: c.bit() - 8*int64(s.Start), Window: c.dictionary(), Size: int(s.UncompressedSize()),
	}
}

// DecodeBufferSize implements [span.Layer].
func (l *gzipLayer) DecodeBufferSize(id span.ID) int {
	return inflate.BufferSize(int(l.list[id].UncompressedSize()))
}
