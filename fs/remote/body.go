// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// progressBytes that arrived since the last break make a broken body count as
// one that works.
const progressBytes = 64 << 10

// body reads [off, end) of a content across any number of answers. It is an
// io.ReadCloser for one goroutine.
type body struct {
	ctx     context.Context // of the read that the body is the result of
	content *content
	off     int64
	end     int64 // -1: up to EOF

	cur    *piece // nil: to be opened
	host   string // who sent the last bytes
	since  int64  // bytes since the last break
	breaks int    // in a row
	last   error  // why the last piece broke
	err    error  // final
}

var _ io.ReadCloser = (*body)(nil)

// newBody opens the first piece, so that errors which are there from the start
// are seen at once.
func newBody(ctx context.Context, c *content, off, end int64) (*body, error) {
	b := &body{ctx: ctx, content: c, off: off, end: end}
	if err := b.next(); err != nil {
		return nil, err
	}
	return b, nil
}

// Read implements io.Reader. It returns io.EOF after exactly the wanted bytes
// and another error when they cannot be had.
func (b *body) Read(p []byte) (int, error) {
	for b.err == nil {
		if b.end >= 0 && b.off == b.end {
			return 0, io.EOF
		}
		if b.cur == nil {
			if b.err = b.next(); b.err != nil {
				break
			}
		}
		if b.end >= 0 && int64(len(p)) > b.end-b.off {
			p = p[:b.end-b.off]
		}
		n, err := b.cur.body.Read(p)
		b.off += int64(n)
		b.since += int64(n)
		if err != nil {
			b.ended(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// next opens the piece at off, after a pause when the one before broke.
func (b *body) next() error {
	if b.breaks > 1 {
		pause := b.content.registry.options.pause(b.breaks-2, 0)
		if err := wait(b.ctx, pause, b.last); err != nil {
			return b.wrap(err)
		}
	}
	p, err := b.content.open(b.ctx, b.off, b.end)
	if err != nil {
		return b.wrap(err)
	}
	if b.end < 0 && p.size >= 0 {
		b.end = p.size
	}
	b.cur, b.host = p, p.host
	return nil
}

// ended deals with the end of a piece: it may be all there is, all this server
// gives at a time, or a break.
func (b *body) ended(err error) {
	p := b.cur
	_ = p.body.Close()
	b.cur = nil
	switch {
	case b.off == b.end:
		return
	case errors.Is(err, io.EOF) && b.end < 0 && p.end < 0:
		b.err = io.EOF
		return
	case errors.Is(err, io.EOF) && b.off == p.end && b.since >= progressBytes:
		b.since, b.breaks = 0, 0 // a server that gives so much at a time
		return
	case b.ctx.Err() != nil:
		b.err = b.wrap(b.ctx.Err())
		return
	}
	if b.since >= progressBytes {
		b.breaks = 0
	}
	b.breaks++
	b.since = 0
	b.last = network("body from "+p.host, premature(err))
	b.content.distrust(p.host)
	if b.breaks > b.content.registry.options.Retries {
		b.err = b.wrap(b.last)
	}
}

func (b *body) wrap(err error) error {
	return fmt.Errorf("read %s at %d: %w", b.content.digest, b.off, err)
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.err == nil {
		b.err = fmt.Errorf("read %s: body is closed", b.content.digest)
	}
	if b.cur == nil {
		return nil
	}
	err := b.cur.body.Close()
	b.cur = nil
	return err
}
