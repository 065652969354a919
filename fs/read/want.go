// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"errors"
	"math"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
)

// want is what a Fetch waits for a lease for. When another that touches it gets
// one first, it is fetched with that: what a start reads is many small files
// that lie side by side, and a request costs a registry as much as several of
// them.
type want struct {
	first, last span.ID
	drop        context.CancelCauseFunc // ends the wait
}

var errUnderWay = errors.New("fetched with its neighbours")

// turn waits for a lease of class to fetch spans from first to last. There is
// none, and no error, if another run has all of them by then.
func (r *Reader) turn(ctx context.Context, class fetch.Class, first, last span.ID) (*fetch.Lease, error) {
	if !joins(class) {
		return r.scheduler.Acquire(ctx, class)
	}
	waiting, drop := context.WithCancelCause(ctx)
	defer drop(nil)
	w := &want{first, last, drop}
	r.mu.Lock()
	r.wants[w] = struct{}{}
	r.mu.Unlock()
	lease, err := r.scheduler.Acquire(waiting, class)
	r.mu.Lock()
	delete(r.wants, w)
	r.mu.Unlock()
	if errors.Is(err, errUnderWay) {
		return nil, nil
	}
	return lease, err
}

// joins says whether runs of class have what others want too: nobody waits yet
// for what they fetch.
func joins(class fetch.Class) bool { return class == fetch.Readahead || class == fetch.Prefetch }

// joinWantsLocked extends a run by the missing spans on both sides that are
// wanted, with no gap between.
func (r *Reader) joinWantsLocked(from, to span.ID) (span.ID, span.ID) {
	low, high := from, to
	for grown := true; grown; {
		grown = false
		for w := range r.wants {
			if w.first <= high+1 && w.last >= low-1 && (w.first < low || w.last > high) {
				low, high, grown = min(low, w.first), max(high, w.last), true
			}
		}
	}
	for from > low && r.absentLocked(from-1, from-1) && r.runEndLocked(from-1, to, math.MaxInt64) == to {
		from--
	}
	return from, r.runEndLocked(from, high, math.MaxInt64)
}

// dropWantsLocked ends the waits for what is under way now.
func (r *Reader) dropWantsLocked() {
	for w := range r.wants {
		if !r.absentLocked(w.first, w.last) {
			w.drop(errUnderWay)
		}
	}
}
