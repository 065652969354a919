// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"errors"
	"io"

	"github.com/spryd/spry/index/span"
)

const (
	// plainChunk is how much of a plain tar is read at once, in bytes.
	plainChunk = 256 << 10
	// digestCost is what a span of a plain tar adds to a ztoc, in bytes.
	digestCost = 96
	// plainPiece is the size of a piece in bytes at which it ends, span or
	// not.
	plainPiece = 1 << 20
	// maxEmptyReads is how often a reader may return nothing in a row.
	maxEmptyReads = 100
)

// plain passes over a plain tar.
func (p *pass) plain(ctx context.Context, r io.Reader) error {
	src := p.src.reader(ctx, r, func([]byte) error { return nil })
	buf := make([]byte, plainChunk)
	for empty := 0; empty < maxEmptyReads; empty++ {
		n, err := src.Read(buf)
		if n > 0 {
			empty = 0
			if err := p.chunk(buf[:n]); err != nil {
				return p.explain(err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// chunk takes the next bytes of the blob and cuts the spans in it.
func (p *pass) chunk(b []byte) error {
	for len(b) > 0 {
		next, left := p.plainPoint()
		if next.coarse || next.fine || p.open.size >= plainPiece {
			if err := p.begin(next, digestCost); err != nil {
				return err
			}
			if next.fine {
				p.fine.begin(next, nil)
			}
		}
		n := min(int64(len(b)), left)
		if err := p.cut.write(b[:n]); err != nil {
			return err
		}
		if err := p.Output(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// plainPoint is the point where the blob is read up to, and how far it is to the
// next one at least.
func (p *pass) plainPoint() (at point, left int64) {
	at.in, at.out = span.CompressedOffset(p.tarSize), span.UncompressedOffset(p.tarSize)
	inSpan := p.tarSize % p.options.SpanSize
	at.coarse = inSpan == 0
	left = p.options.SpanSize - inSpan
	if p.part > 0 {
		at.fine = inSpan%p.part == 0 && !p.past(p.tarSize)
		left = min(left, p.part-inSpan%p.part)
	}
	return at, left
}
