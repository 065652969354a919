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
	"github.com/spryd/spry/fs/proof"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

const (
	// firstPause and longestPause are between attempts to make a layer whole.
	firstPause   = time.Second
	longestPause = 2 * time.Minute
	// parallelParts is how many parts of a layer are fetched at a time, if
	// the scheduler lets them.
	parallelParts = 4
	// idlePatience is how long a layer waits for the transfers of all layers to
	// end before it is finished and sealed. That takes CPU that transfers need, and
	// syncs the whole file system: the disk would be busy with what nobody waits
	// for, for a third of a second and more, in the middle of a start.
	idlePatience = 10 * time.Second
)

// complete fetches what is wanted first, then the rest, proves the layer and
// makes it plain.
func (l *Layer) complete(ctx context.Context) {
	l.prefetch(ctx)
	if _, missing := l.Spans(); missing > 0 && l.options.OnDemandOnly {
		return
	}
	l.completeRest(ctx)
}

// completeRest is complete without what is wanted first.
func (l *Layer) completeRest(ctx context.Context) {
	start := time.Now()
	_, bytes := l.Bytes()
	err := l.makeWhole(ctx)
	for err == nil && !l.options.OnDemandOnly && !l.store.Proven() {
		err = l.makePlain(ctx)
		if errors.Is(err, store.ErrIncomplete) { // the disk lost something
			err = l.makeWhole(ctx)
		}
	}
	switch {
	case ctx.Err() != nil:
	case isLie(err):
		l.condemn(ctx, err)
	case err != nil:
		log.G(ctx).WithError(err).Warn("layer stays as it is")
	case l.store.Proven():
		l.advance(Plain)
		if !l.store.Proven() {
			l.lost() // meanwhile
		}
		log.G(ctx).WithField("bytes", bytes).WithField("duration", time.Since(start)).Info("layer is plain")
		if l.options.OnPlain != nil {
			l.options.OnPlain()
		}
	}
}

// makeWhole fetches everything. A layer whose proof is not over by then is
// sealed already.
func (l *Layer) makeWhole(ctx context.Context) error {
	if err := l.persist(ctx, "fetch", l.fetchRest); err != nil {
		return err
	}
	if l.State() >= Proven {
		return nil // what the disk had lost is proven already
	}
	l.advance(Whole)
	pr := l.prover.Load()
	if !l.options.OnDemandOnly && pr != nil {
		if _, _, more := pr.proof.Wanted(); !more {
			return nil // it will be soon
		}
	}
	if err := l.waitIdle(ctx); err != nil {
		return err
	}
	err := l.persist(ctx, "seal", func(context.Context) error { return l.store.Seal() })
	if errors.Is(err, store.ErrIncomplete) && !l.options.OnDemandOnly {
		return nil // makePlain will see what is lost
	}
	return err
}

// makePlain proves a whole layer and finishes its directory.
func (l *Layer) makePlain(ctx context.Context) error {
	if l.State() < Proven {
		if err := l.persist(ctx, "prove", l.prove); err != nil {
			return err
		}
		l.advance(Proven)
	}
	if err := l.waitIdle(ctx); err != nil {
		return err
	}
	if err := l.options.Scheduler.InTurn(ctx, l.hash); err != nil {
		return err
	}
	finish := func(ctx context.Context) error { return l.options.Scheduler.InTurn(ctx, l.store.Finish) }
	if err := l.persist(ctx, "finish", finish); err != nil {
		return err
	}
	return l.persist(ctx, "seal", l.sealPlain)
}

// persist repeats step until it succeeds. It returns only errors that will not
// pass, and that of ctx.
func (l *Layer) persist(ctx context.Context, op string, step func(context.Context) error) error {
	pause := firstPause
	_, before := l.Spans()
	for attempt := 1; ; attempt++ {
		err := step(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil || isLie(err) || errors.Is(err, store.ErrIncomplete) || errors.Is(err, proof.ErrUnprovable) {
			return err
		}
		entry := log.G(ctx).WithError(err).WithField("op", op).WithField("attempt", attempt)
		if attempt == 1 {
			entry.Warn("layer cannot be completed yet")
		} else {
			entry.Debug("layer cannot be completed yet")
		}
		if _, now := l.Spans(); now < before {
			before, pause = now, firstPause
		}
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
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

// waitIdle waits until nothing is fetched, or long enough.
func (l *Layer) waitIdle(ctx context.Context) error {
	return l.options.Scheduler.WaitIdle(ctx, idlePatience)
}
