// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"errors"
	"io"
)

const (
	// plainChunk is how much of a plain tar is read at once, in bytes.
	plainChunk = 256 << 10
	// digestCost is what a span of a plain tar adds to a ztoc, in bytes.
	digestCost = 96
	// maxEmptyReads is how often a reader may return nothing in a row.
	maxEmptyReads = 100
)

// plain passes over a plain tar.
func (p *pass) plain(ctx context.Context, r io.Reader) error {
	src := p.src.reader(ctx, r, func([]byte) {})
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
	if err := p.Output(b); err != nil {
		return err
	}
	for len(b) > 0 {
		if done := p.spans.end() % p.options.SpanSize; done == 0 {
			if err := p.budget.spend(digestCost); err != nil {
				return err
			}
			if err := p.spans.cut(p.spans.end(), 0); err != nil {
				return err
			}
		}
		n := min(int64(len(b)), p.options.SpanSize-p.spans.end()%p.options.SpanSize)
		p.spans.write(b[:n])
		b = b[n:]
	}
	return nil
}
