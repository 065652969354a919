// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/containerd/log"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/index/span"
)

const (
	// firstPause and longestPause are between attempts to make a layer whole.
	firstPause   = time.Second
	longestPause = 2 * time.Minute
	// parallelParts is how many parts of a layer are fetched at a time, if
	// the scheduler lets them.
	parallelParts = 4
)

// complete fetches what is wanted first, then the rest, and seals the layer.
func (l *Layer) complete(ctx context.Context) {
	l.prefetch(ctx)
	if _, missing := l.Spans(); missing > 0 && l.options.OnDemandOnly {
		return
	}
	start := time.Now()
	_, bytes := l.Bytes()
	if !l.persist(ctx, "fetch", l.fetchRest) || !l.persist(ctx, "seal", l.seal) {
		return
	}
	l.state.Store(int32(Whole))
	log.G(ctx).WithField("bytes", bytes).WithField("duration", time.Since(start)).Info("layer is whole")
}

// persist repeats step until it succeeds; false when ctx ended before.
func (l *Layer) persist(ctx context.Context, op string, step func(context.Context) error) bool {
	pause := firstPause
	_, before := l.Spans()
	for attempt := 1; ; attempt++ {
		err := step(ctx)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		entry := log.G(ctx).WithError(err).WithField("op", op).WithField("attempt", attempt)
		if attempt == 1 {
			entry.Warn("layer cannot be made whole yet")
		} else {
			entry.Debug("layer cannot be made whole yet")
		}
		if _, now := l.Spans(); now < before {
			before, pause = now, firstPause
		}
		if !sleep(ctx, pause) {
			return false
		}
		pause = min(2*pause, longestPause)
	}
}

// sleep pauses for d or a little less; false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d - rand.N(d/4))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// prefetch fetches what the layer's prefetch artifact lists, once: what fails
// comes with the rest.
func (l *Layer) prefetch(ctx context.Context) {
	if _, missing := l.Spans(); l.options.Prefetch == nil || missing == 0 {
		return
	}
	ranges, err := l.options.Prefetch(ctx)
	if err != nil {
		log.G(ctx).WithError(err).WithField("op", "prefetch").Warn("no prefetch for layer")
		return
	}
	for _, r := range ranges {
		if r.First < 0 || r.Last < r.First || r.Last > l.last() {
			log.G(ctx).WithField("span", r.Last).WithField("op", "prefetch").Warn("prefetch range is not of this layer")
			continue
		}
		if err := l.reader.Fetch(ctx, fetch.Prefetch, r.First, r.Last); err != nil {
			log.G(ctx).WithError(err).WithField("op", "prefetch").Debug("prefetch failed")
			return
		}
	}
}

// fetchRest fetches all that is missing, in stream order. It goes on behind
// spans that are wrong, and ends early for errors that concern all.
func (l *Layer) fetchRest(ctx context.Context) error {
	var mu sync.Mutex // guards wrong
	var wrong error
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(parallelParts)
	for first := span.ID(0); first <= l.last() && inner.Err() == nil; {
		from, to := first, l.part(first)
		group.Go(func() error {
			err := l.fetchPart(inner, from, to)
			if isWrong(err) {
				mu.Lock()
				defer mu.Unlock()
				wrong = err
				return nil
			}
			return err
		})
		first = to + 1
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return wrong
}

// fetchPart fetches spans, one by one if one of them is wrong.
func (l *Layer) fetchPart(ctx context.Context, first, last span.ID) error {
	err := l.reader.Fetch(ctx, fetch.Background, first, last)
	if !isWrong(err) || first == last {
		return err
	}
	var wrong error
	for id := first; id <= last; id++ {
		switch err := l.reader.Fetch(ctx, fetch.Background, id, id); {
		case isWrong(err):
			wrong = err
		case err != nil:
			return err
		}
	}
	return wrong
}

// isWrong says whether err concerns one span, not the others.
func isWrong(err error) bool {
	return errors.Is(err, span.ErrVerify) || errors.Is(err, read.ErrDecode)
}

// part is the last span of a part of the layer that is worth one request.
func (l *Layer) part(first span.ID) span.ID {
	start, to := l.options.Spans.Span(first).Start, first
	for to < l.last() && l.options.Spans.Span(to+1).End-start <= read.DefaultRunSize {
		to++
	}
	return to
}

// seal syncs what is on disk.
func (l *Layer) seal(context.Context) error { return l.store.Seal() }
