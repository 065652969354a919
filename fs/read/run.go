// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"errors"
	"fmt"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
)

// startLocked begins a claimed run. The reader must not be closed.
func (r *Reader) startLocked(rn *run) {
	r.work.Go(func() {
		defer rn.endBulk()
		done, err := r.transfer(rn)
		if err != nil {
			r.fail(rn, done, err)
		}
	})
}

// transfer fetches rn, publishing each span as it is decoded. It returns how
// many were.
func (r *Reader) transfer(rn *run) (done int, err error) {
	lease := rn.lease
	if lease == nil {
		if lease, err = r.scheduler.Acquire(r.lifetime, fetch.Demand); err != nil {
			return 0, err
		}
	}
	defer lease.Release()
	b := r.newBody(rn)
	defer b.close()
	for done, e := range rn.entries {
		if err := lease.Yield(r.lifetime); err != nil {
			return done, err
		}
		if err := r.transferSpan(b, rn, e); err != nil {
			return done, err
		}
	}
	return len(rn.entries), nil
}

// transferSpan reads, verifies, decodes and publishes one span.
func (r *Reader) transferSpan(b *body, rn *run, e *entry) error {
	sp := r.layer.Span(e.id)
	room := r.layer.DecodeBufferSize(e.id)
	g, err := r.memoryFor(rn, sp.CompressedSize()+int64(room))
	if err != nil {
		return err
	}
	buf, out, data, err := r.decode(b, sp, room)
	if err != nil {
		g.shrink(0)
		return err
	}
	g.shrink(int64(room))
	r.counters.fetched[r.classOf(rn)].Add(sp.CompressedSize())
	look := r.hold(e)
	r.publish(e, out, buf, g)
	r.observe(e, look, data, out)
	return nil
}

// memoryFor waits for n bytes, no longer behind less urgent runs when rn becomes
// demand.
func (r *Reader) memoryFor(rn *run, n int64) (grant, error) {
	if class := r.classOf(rn); class != fetch.Demand {
		g, err := r.memory.acquire(rn.bulk, class, n)
		if err == nil || r.lifetime.Err() != nil {
			return g, err
		}
	}
	return r.memory.acquire(r.lifetime, fetch.Demand, n)
}

// decode gets the next span of the body. buf is where out lies; verified is
// valid until the next call.
func (r *Reader) decode(b *body, sp span.Span, room int) (buf, out []byte, verified span.Verified, err error) {
	data, err := b.next(sp)
	if err != nil {
		return nil, nil, verified, fmt.Errorf("fetch span %d: %w", sp.ID, err)
	}
	verified, err = span.Verify(sp, data)
	if err != nil {
		r.counters.WrongSpans.Add(1)
		if d, ok := r.blob.(Distruster); ok && b.rc != nil {
			d.Distrust(b.rc)
		}
		return nil, nil, verified, err
	}
	buf = r.memory.buffers.get(room)
	out, err = r.layer.Decode(buf, verified)
	if err == nil && int64(len(out)) != sp.UncompressedSize() {
		err = fmt.Errorf("%d bytes, want %d", len(out), sp.UncompressedSize())
	}
	if err != nil {
		r.memory.buffers.put(buf)
		return nil, nil, verified, Undecodable(sp.ID, err)
	}
	return buf, out, verified, nil
}

// publish answers the readers of e and queues it to be written.
func (r *Reader) publish(e *entry, out, buf []byte, g grant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outage = outage{}
	if e.run != nil {
		e.urgent, e.early = e.run.class == fetch.Demand, e.run.class <= fetch.Readahead
	}
	e.data, e.buf, e.grant, e.run = out, buf, g, nil
	close(e.done)
	r.enqueueLocked(e)
}

// fail ends the spans of rn behind the first done ones.
func (r *Reader) fail(rn *run, done int, err error) {
	if r.lifetime.Err() != nil && !errors.Is(err, ErrClosed) {
		// Not wrapped: it is no reader that was cancelled.
		err = fmt.Errorf("%w: %s", context.Cause(r.lifetime), err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outage.cause = err
	for _, e := range rn.entries[done:] {
		e.err, e.putErr, e.run = err, err, nil
		close(e.done)
		close(e.stored)
		r.removeLocked(e)
	}
}
