// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/ztoc"
)

// checkpointCost is what a span adds to a ztoc, in bytes: record and digest.
const checkpointCost = ztoc.WindowSize + 128

// gzip passes over a gzip blob.
func (p *pass) gzip(ctx context.Context, r io.Reader) error {
	_, err := p.walker.Walk(p.src.reader(ctx, r, p.cut.write), p)
	var trailing *inflate.TrailingError
	switch {
	case errors.Is(err, inflate.ErrNotGzip):
		return skipf(err, "%s", cmp.Or(p.src.kind(), "not compressed with gzip"))
	case errors.As(err, &trailing):
		return skipf(err, "data after the last gzip member")
	}
	return err
}

// Block implements [inflate.Sink]: it makes b a point if it is far enough from
// the one before.
func (p *pass) Block(b inflate.Block, window []byte) error {
	next := newPoint(b)
	next.coarse = b.Out == 0 || b.Out-p.lastCoarse > p.options.SpanSize
	if p.part > 0 && !p.past(b.Out) {
		next.fine = next.coarse || b.Out > p.nextFine
	}
	if !next.coarse && !next.fine {
		return nil
	}
	if b.Out == 0 { // the compact form has only the last of these
		p.open.fine = false
		p.fine.drop()
	}
	if b.Out == 0 && p.options.Repair {
		p.open.coarse = false
		p.points = p.points[:0]
	}
	return p.startAt(next, window)
}

// startAt makes a point of the block that the walker is at.
func (p *pass) startAt(next point, window []byte) error {
	if err := p.begin(next, checkpointCost); err != nil {
		return err
	}
	if next.coarse {
		p.points = append(p.points, next.checkpoint(window))
	}
	if next.fine {
		p.fine.begin(next, window)
		p.walker.Trace(&p.fine.used)
		return nil
	}
	p.fine.end()
	p.walker.Trace(nil)
	return nil
}

// past says whether off is behind the archive: nobody reads there, so the
// compact form does without spans.
func (p *pass) past(off int64) bool { return p.table.ended && off > 0 && off >= p.table.in.pos }
