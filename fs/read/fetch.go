// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// parallelRuns is how many runs of one Fetch may run at a time.
const parallelRuns = 4

// Fetch brings the spans from first to last, both inclusive, into the store,
// in runs of Options.RunSize, and returns when they are written, or, of class
// Readahead, when they are in memory. Spans that
// others fetch are waited for. Spans whose bytes are wrong are fetched again a
// few times; any other error is returned at once, for the caller to decide when
// to try again.
func (r *Reader) Fetch(ctx context.Context, class fetch.Class, first, last span.ID) error {
	if first < 0 || last < first || int(last) >= r.layer.Len() {
		return fmt.Errorf("fetch spans %d to %d of layer %s, which has %d", first, last, r.options.Digest, r.layer.Len())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.lifetime, func() { cancel(ErrClosed) })()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRuns)
	for first <= last && ctx.Err() == nil {
		from, to := first, r.part(first, last)
		group.Go(func() error { return r.fetchPart(ctx, class, from, to) })
		first = to + 1
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("fetch layer %s: %w", r.options.Digest, err)
	}
	if ctx.Err() != nil && first <= last {
		return fmt.Errorf("fetch layer %s: %w", r.options.Digest, context.Cause(ctx))
	}
	return nil
}

// FetchFile brings n bytes of file id at off into the store; see [Reader.Fetch].
// What lies outside of the file is left out.
func (r *Reader) FetchFile(ctx context.Context, class fetch.Class, id toc.NodeID, off, n int64) error {
	data, size := r.tree.Data(id)
	off, n = max(off, 0), min(n, size-off)
	if n <= 0 {
		return nil
	}
	start := data + span.UncompressedOffset(off)
	return r.Fetch(ctx, class, r.layer.At(start), r.layer.At(start+span.UncompressedOffset(n)-1))
}

// part is the last span of a run that begins at first, whatever is missing.
func (r *Reader) part(first, last span.ID) span.ID {
	start := r.layer.Span(first).Start
	to := first
	for to < last && int64(r.layer.Span(to+1).End-start) <= r.options.RunSize {
		to++
	}
	return to
}

// fetchPart fetches until every span from first to last is written. Each time one
// more is at least: else the store loses what is written, and fetching would not
// end.
func (r *Reader) fetchPart(ctx context.Context, class fetch.Class, first, last span.ID) error {
	var again attempts
	for left := last - first + 1; ; {
		pins, err := r.claim(ctx, class, first, last)
		if err != nil || len(pins) == 0 {
			return err
		}
		err = r.await(ctx, class, pins)
		r.unpin(pins)
		switch {
		case err == nil && left > 0:
			left--
		case err == nil:
			return fmt.Errorf("spans %d to %d: %w", first, last, errLost)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case r.judge(err) != fetchAgain || !again.again(r):
			return err
		}
	}
}

// claim pins what is under way from first to last or, where spans are missing
// that nobody fetches, starts a run of class for the first of them and pins
// that. Nothing is pinned when all are stored.
func (r *Reader) claim(ctx context.Context, class fetch.Class, first, last span.ID) ([]*entry, error) {
	for {
		pins, missing, err := r.join(class, first, last)
		if err != nil || !missing {
			return pins, err
		}
		r.unpin(pins)
		lease, err := r.turn(ctx, class, first, last)
		if err != nil {
			return nil, err
		}
		if lease == nil {
			continue
		}
		if pins := r.begin(lease, class, first, last); pins != nil {
			return pins, nil
		}
		lease.Release()
	}
}

// join pins what is under way, and says whether anything is missing.
func (r *Reader) join(class fetch.Class, first, last span.ID) (pins []*entry, missing bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, ErrClosed
	}
	for id := first; id <= last; id++ {
		e := r.flights[id]
		if e == nil {
			missing = missing || !r.store.Has(id)
			continue
		}
		if class == fetch.Readahead && e.run == nil { // it is decoded
			continue
		}
		r.pinLocked(e, class)
		if e.run == nil && !e.queued && e.staged.IsZero() { // kept: the disk may have room now
			e.stored = make(chan struct{})
			r.enqueueLocked(e)
		}
		pins = append(pins, e)
	}
	return pins, missing, nil
}

// begin starts a run with lease for the first missing spans and pins them, so
// that a run which fails at once is seen to fail; nil if nothing is missing any
// more. The run has what others want next to them too.
func (r *Reader) begin(lease *fetch.Lease, class fetch.Class, first, last span.ID) []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := first; id <= last && !r.closed; id++ {
		if !r.absentLocked(id, id) {
			continue
		}
		own := r.runEndLocked(id, last, lease.Credit())
		from, to := id, own
		if joins(class) {
			from, to = r.joinWantsLocked(id, own)
		}
		rn := r.claimLocked(class, from, to)
		rn.lease = lease
		lease.Spend(int64(r.layer.Span(to).End - r.layer.Span(from).Start))
		pins := rn.entries[id-from : own-from+1]
		for _, e := range pins {
			r.pinLocked(e, class)
		}
		r.startLocked(rn)
		r.dropWantsLocked()
		return pins
	}
	return nil
}

// await waits until entries are written; of class Readahead, until they are
// decoded.
func (r *Reader) await(ctx context.Context, class fetch.Class, entries []*entry) error {
	for _, e := range entries {
		r.mu.Lock()
		stored := e.stored
		r.mu.Unlock()
		if class == fetch.Readahead {
			stored = e.done
		}
		select {
		case <-stored:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r.mu.Lock()
		err := e.putErr
		r.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
