// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/containerd/log"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// request is a read of a file, and where that is in the tar stream.
type request struct {
	node        toc.NodeID
	p           []byte
	off         int64
	start, end  span.UncompressedOffset
	first, last span.ID
}

// ReadAt fills p with the content of file id at off: all of it, or an error.
// It fetches what the store lacks, until ctx ends or the deadline has passed
// ([ErrDeadline]); either leaves the fetch running, so that the next read has
// a better chance. Other errors match [span.ErrVerify], [ErrDecode],
// [ErrClosed], or are those of the BlobReader.
func (r *Reader) ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	rq, err := r.locate(id, p, off)
	if err != nil {
		return fmt.Errorf("read layer %s: %w", r.options.Digest, err)
	}
	r.readAhead(rq)
	if r.readStored(rq.node, p, off, rq.first, rq.last) == nil {
		r.begun(rq)
		return nil
	}
	if err := r.readWatched(ctx, rq); err != nil {
		return fmt.Errorf("read layer %s at %d: %w", r.options.Digest, rq.start, err)
	}
	r.begun(rq)
	return nil
}

// AtOnce says whether a ReadAt of n bytes at off, or of what the file has there, is
// answered from memory or from what was staged a moment ago. It may not be any more
// when it comes.
func (r *Reader) AtOnce(id toc.NodeID, off, n int64) bool {
	data, size := r.tree.Data(id)
	n = min(n, size-off)
	if off < 0 || n <= 0 {
		return false
	}
	start := data + span.UncompressedOffset(off)
	last := r.layer.At(start + span.UncompressedOffset(n) - 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := r.layer.At(start); id <= last; id++ {
		if e := r.flights[id]; e == nil || e.run != nil || e.err != nil {
			return false
		}
	}
	return true
}

// begun tells Options.Begun of an answered read.
func (r *Reader) begun(rq request) {
	if rq.off != 0 || r.options.Begun == nil {
		return
	}
	if missing, _ := r.store.Missing(); missing > 0 {
		r.options.Begun(rq.node, rq.p)
	}
}

// locate finds the spans of a read.
func (r *Reader) locate(id toc.NodeID, p []byte, off int64) (request, error) {
	data, size := r.tree.Data(id)
	if off < 0 || off > size-int64(len(p)) {
		return request{}, fmt.Errorf("%d bytes at %d of node %d, which has %d", len(p), off, id, size)
	}
	rq := request{node: id, p: p, off: off}
	rq.start = data + span.UncompressedOffset(off)
	rq.end = rq.start + span.UncompressedOffset(len(p))
	rq.first, rq.last = r.layer.At(rq.start), r.layer.At(rq.end-1)
	if first, last := r.layer.Span(rq.first), r.layer.Span(rq.last); rq.start < first.OutStart || rq.end > last.OutEnd {
		return request{}, fmt.Errorf("bytes %d to %d of the tar stream are in no span", rq.start, rq.end)
	}
	return rq, nil
}

// readStored fills p from the store with what file id has at off, which lies in
// spans first to last. If one of these is missing, or was lost while it was read,
// the file may hold anything there: errLost.
func (r *Reader) readStored(id toc.NodeID, p []byte, off int64, first, last span.ID) error {
	losses := r.store.Losses()
	if !r.stored(first, last) {
		return errLost
	}
	if err := r.store.ReadAt(id, p, off); err != nil {
		r.drop(first, last, err)
		return fmt.Errorf("%w: %w", errLost, err)
	}
	if r.store.Losses() != losses {
		return errLost
	}
	return nil
}

// stored says whether the store has every span from first to last.
func (r *Reader) stored(first, last span.ID) bool {
	for id := first; id <= last; id++ {
		if !r.store.Has(id) {
			return false
		}
	}
	return true
}

// drop makes spans missing that the store could not read.
func (r *Reader) drop(first, last span.ID, cause error) {
	if r.lifetime.Err() != nil {
		return
	}
	r.log().WithError(cause).WithField("span", first).Warn("stored span is lost, fetching it again")
	for id := first; id <= last; id++ {
		if err := r.store.Drop(id); err != nil {
			r.log().WithError(err).WithField("span", id).Warn("cannot record the loss of a span")
		}
	}
	if r.options.Lost != nil {
		r.options.Lost()
	}
}

// readWatched is readMissing, counted and reported when it takes long.
func (r *Reader) readWatched(ctx context.Context, rq request) error {
	defer r.watch(rq)()
	c, since := r.counters, time.Now()
	c.Waiting.Add(1)
	defer c.Waiting.Add(-1)
	err := r.readMissing(ctx, rq)
	c.Waited.Add(1)
	c.WaitNanos.Add(int64(time.Since(since)))
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		c.Failed.Add(1)
	}
	return err
}

// readMissing answers rq from memory and disk, fetching, again if need be.
func (r *Reader) readMissing(ctx context.Context, rq request) error {
	bounded, cancel := context.WithTimeoutCause(ctx, r.options.Deadline, ErrDeadline)
	defer cancel()
	var again attempts
	var last error // that was no deadline
	for {
		err := r.readOnce(bounded, rq)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, ErrDeadline) {
			last = err
		}
		if bounded.Err() == nil && again.next(bounded, r, err) {
			continue
		}
		if bounded.Err() != nil && last != nil {
			return fmt.Errorf("%w (%s): %w", ErrDeadline, r.options.Deadline, last)
		}
		return err
	}
}

// readOnce is one attempt to answer rq.
func (r *Reader) readOnce(ctx context.Context, rq request) error {
	from, to := r.neighbourhood(rq)
	pins, missed, err := r.demand(rq.first, rq.last, to)
	if err != nil {
		return err
	}
	defer r.unpin(pins)
	if missed {
		r.noteMiss(rq)
		r.fetchAhead(rq.last+1, to)
		r.fetchAhead(from, rq.first-1)
	}
	for i, e := range pins {
		sp := r.layer.Span(rq.first + span.ID(i))
		start, end := max(rq.start, sp.OutStart), min(rq.end, sp.OutEnd)
		if start >= end {
			continue
		}
		if e != nil {
			select {
			case <-e.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if e.err != nil {
				return e.err
			}
		}
		piece := rq.p[start-rq.start : end-rq.start]
		if e != nil && e.copyHere(piece, int64(start-sp.OutStart)) {
			continue
		}
		if err := r.readStored(rq.node, piece, rq.off+int64(start-rq.start), sp.ID, sp.ID); err != nil {
			return fmt.Errorf("span %d: %w", sp.ID, err)
		}
	}
	return nil
}

// demand pins the spans from first to last, starting runs for what is
// missing. The last of these goes on to ahead, which costs its readers nothing:
// that comes after what they want. Entries of stored spans are nil; missed says
// whether any was neither stored nor under way.
func (r *Reader) demand(first, last, ahead span.ID) (pins []*entry, missed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, ErrClosed
	}
	pins = make([]*entry, 0, last-first+1)
	for id := first; id <= last; id++ {
		e := r.flights[id]
		if e == nil && !r.store.Has(id) {
			r.startLocked(r.claimLocked(fetch.Demand, id, r.runEndLocked(id, max(last, ahead), math.MaxInt64)))
			e, missed = r.flights[id], true
		}
		if e != nil {
			r.pinLocked(e, fetch.Demand)
		}
		pins = append(pins, e)
	}
	return pins, missed, nil
}

// log is the logger of this layer.
func (r *Reader) log() *log.Entry { return log.L.WithField("layer", r.options.Digest.String()) }
