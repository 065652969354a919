// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// checkpointCost is what a span adds to a ztoc, in bytes: record and digest.
const checkpointCost = ztoc.WindowSize + 128

// gzip passes over a gzip blob.
func (p *pass) gzip(ctx context.Context, r io.Reader) error {
	_, err := inflate.Walk(p.src.reader(ctx, r, p.spans.write), p)
	var trailing *inflate.TrailingError
	switch {
	case errors.Is(err, inflate.ErrNotGzip):
		return skipf(err, "%s", cmp.Or(p.src.kind(), "not compressed with gzip"))
	case errors.As(err, &trailing):
		return skipf(err, "data after the last gzip member")
	}
	return err
}

// Block implements [inflate.Sink]: it makes b a checkpoint if it is far
// enough from the one before.
func (p *pass) Block(b inflate.Block, window []byte) error {
	if n := len(p.points); n > 0 && b.Out != 0 && b.Out-int64(p.points[n-1].Out) <= p.options.SpanSize {
		return nil
	}
	if p.options.Repair && b.Out == 0 && len(p.points) > 0 {
		p.points = p.points[:0]
		p.spans.drop()
	}
	if err := p.budget.spend(checkpointCost); err != nil {
		return err
	}
	c := newCheckpoint(b, window)
	p.points = append(p.points, c)
	return p.spans.cut(int64(c.In), c.Bits)
}

// newCheckpoint is the checkpoint at b. It copies window.
func newCheckpoint(b inflate.Block, window []byte) ztoc.Checkpoint {
	in := (b.BitPos + 7) / 8
	c := ztoc.Checkpoint{
		In:   span.CompressedOffset(in),
		Out:  span.UncompressedOffset(b.Out),
		Bits: uint8(8*in - b.BitPos),
	}
	if len(window) > 0 {
		c.Window = make([]byte, ztoc.WindowSize)
		copy(c.Window[ztoc.WindowSize-len(window):], window)
	}
	return c
}
