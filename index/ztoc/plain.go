// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"

	"github.com/spryd/spry/index/span"
)

// plainLayer is the layer of a plain tar.
type plainLayer struct{ spans }

var _ span.Layer = (*plainLayer)(nil)

// plainSpans is the number of spans of a plain tar.
func (z *Ztoc) plainSpans() int64 {
	n := z.CompressedSize / z.SpanSize
	if z.CompressedSize%z.SpanSize != 0 {
		n++
	}
	return n
}

// plainLayer cuts the blob into spans.
func (z *Ztoc) plainLayer() (*plainLayer, error) {
	if z.SpanSize < 1 || z.SpanSize > MaxSpanSize && z.CompressedSize > MaxSpanSize {
		return nil, fmt.Errorf("span size %d: %w", z.SpanSize, ErrUnsupported)
	}
	if z.UncompressedSize > z.CompressedSize {
		return nil, fmt.Errorf("archive of %d bytes in a blob of %d: %w", z.UncompressedSize, z.CompressedSize, ErrInvalid)
	}
	if err := z.checkCount(z.plainSpans()); err != nil {
		return nil, err
	}
	l := &plainLayer{spans{list: make([]span.Span, len(z.SpanDigests)), size: z.CompressedSize}}
	for i := range l.list {
		sum, err := parseDigest(z.SpanDigests[i])
		if err != nil {
			return nil, err
		}
		l.list[i] = z.plainSpan(int64(i))
		l.list[i].Digest = sum
	}
	return l, nil
}

// plainSpan is span i without its digest. The decoded part of the last one
// ends with the archive, as that of a gzip layer.
func (z *Ztoc) plainSpan(i int64) span.Span {
	start := i * z.SpanSize
	end := min(start+z.SpanSize, z.CompressedSize)
	out := end
	if end == z.CompressedSize {
		out = max(z.UncompressedSize, start)
	}
	return span.Span{
		ID:    span.ID(i),
		Start: span.CompressedOffset(start), End: span.CompressedOffset(end),
		OutStart: span.UncompressedOffset(start), OutEnd: span.UncompressedOffset(out),
	}
}

// Decode implements [span.Layer]. It copies.
func (l *plainLayer) Decode(buf []byte, data span.Verified) ([]byte, error) {
	s, err := l.own(data)
	if err != nil {
		return nil, err
	}
	return append(buf[:0], data.Bytes()[:s.UncompressedSize()]...), nil
}

// DecodeBufferSize implements [span.Layer].
func (l *plainLayer) DecodeBufferSize(id span.ID) int {
	return int(l.list[id].UncompressedSize())
}
