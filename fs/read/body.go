// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spryd/spry/index/span"
)

// padding is the number of readable bytes that decoders like behind their
// input.
const padding = 32

// body is the response of a run, read span by span. It is requested when the
// first span is read, and given up when nothing arrives for the deadline.
type body struct {
	blob       BlobReader
	buffers    *buffers
	start, end span.CompressedOffset

	ctx    context.Context // of the request; ended by cancel
	cancel context.CancelCauseFunc
	idle   time.Duration
	timer  *time.Timer

	rc  io.ReadCloser
	pos span.CompressedOffset // behind the last byte read
	// last is the byte before pos, which the next span may share.
	last byte
	buf  []byte // of the span read last
}

// newBody prepares the response of rn.
func (r *Reader) newBody(rn *run) *body {
	first, last := rn.entries[0].id, rn.entries[len(rn.entries)-1].id
	b := &body{blob: r.blob, buffers: &r.memory.buffers, idle: r.options.Deadline,
		start: r.layer.Span(first).Start, end: r.layer.Span(last).End}
	b.pos = b.start
	b.ctx, b.cancel = context.WithCancelCause(r.lifetime)
	return b
}

// next returns the compressed bytes of sp, the span behind the one before,
// with padding behind them. They are valid until the next call.
func (b *body) next(sp span.Span) ([]byte, error) {
	n := int(sp.CompressedSize())
	shared := int(b.pos - sp.Start)
	if shared < 0 || shared > 1 {
		return nil, fmt.Errorf("span at %d does not follow %d", sp.Start, b.pos)
	}
	if n == 0 {
		return make([]byte, 0, padding), nil
	}
	if cap(b.buf) < n+padding {
		b.buffers.put(b.buf)
		b.buf = b.buffers.get(n + padding)
	}
	data := b.buf[:n]
	if shared == 1 {
		data[0] = b.last
	}
	if err := b.read(data[shared:]); err != nil {
		return nil, err
	}
	b.pos, b.last = sp.End, data[n-1]
	return data, nil
}

// read fills p.
func (b *body) read(p []byte) error {
	b.watch()
	defer b.timer.Stop()
	if b.rc == nil {
		rc, err := b.blob.ReadRange(b.ctx, int64(b.start), int64(b.end-b.start))
		if err != nil {
			return b.cause(err)
		}
		b.rc = rc
	}
	for len(p) > 0 {
		n, err := b.rc.Read(p)
		p = p[n:]
		if err != nil && len(p) > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return b.cause(err)
		}
		if n > 0 {
			b.timer.Reset(b.idle)
		}
	}
	return nil
}

// watch starts the timer that ends the request.
func (b *body) watch() {
	if b.timer == nil {
		b.timer = time.AfterFunc(b.idle, func() { b.cancel(ErrDeadline) })
		return
	}
	b.timer.Reset(b.idle)
}

// cause says why the request was given up, if it was. What it failed with
// then is not wrapped: no reader was cancelled.
func (b *body) cause(err error) error {
	if b.ctx.Err() != nil {
		return fmt.Errorf("%w: %s", context.Cause(b.ctx), err.Error())
	}
	return err
}

func (b *body) close() {
	if b.rc != nil {
		_ = b.rc.Close()
	}
	b.cancel(nil)
	b.buffers.put(b.buf)
}
