// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/containerd/log"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// Finder finds indexes. It is safe for concurrent use and owns nothing that
// has to be closed.
type Finder struct {
	registry *remote.Registry
	options  Options
	flights  flights
	memory   *memory
}

// New returns a Finder that reads from reg.
func New(reg *remote.Registry, o Options) *Finder {
	o = o.withDefaults()
	return &Finder{registry: reg, options: o, memory: newMemory(o.Remember)}
}

// Find finds the index of the image that ref's layer belongs to. An error that
// matches index.ErrNoIndex is definite: there is none, or none that can be
// used. Any other error (see remote.Transient; errdefs for authentication) says
// nothing about the image.
func (f *Finder) Find(ctx context.Context, ref index.LayerRef) (*Found, error) {
	key := fmt.Sprintf("%s %s %s", ref.Image, ref.Manifest, ref.Index)
	if a, ok := f.memory.get(key); ok {
		return a.found, a.err
	}
	a := f.flights.do(ctx, key, func() answer {
		if a, ok := f.memory.get(key); ok {
			return a // of a flight that ended just now
		}
		found, err := f.persist(ctx, ref)
		a := answer{found: found, err: err}
		switch {
		case err == nil:
			f.memory.put(key, a, time.Time{})
		case errors.Is(err, index.ErrNoIndex) && !damaged(err), errors.Is(err, errTimeout):
			f.memory.put(key, a, time.Now().Add(f.options.NoneFor))
		}
		return a
	})
	return a.found, a.err
}

// errTimeout says that a search took too long.
var errTimeout = errors.New("search for an index takes too long")

// persist searches until the answer is definite, ctx or the time ends, or the
// attempts are used up.
func (f *Finder) persist(ctx context.Context, ref index.LayerRef) (_ *Found, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.options.Timeout, errTimeout)
	defer cancel()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
			err = fmt.Errorf("%w (%s): %w", errTimeout, f.options.Timeout, err)
		}
	}()
	pause := f.options.Backoff
	for attempt := 1; ; attempt++ {
		found, err := f.search(ctx, ref)
		if err == nil {
			return found, nil
		}
		if unusable(err) {
			return nil, fmt.Errorf("%w: %w", index.ErrNoIndex, err)
		}
		if errors.Is(err, index.ErrNoIndex) || attempt == f.options.Attempts || ctx.Err() != nil || !remote.Transient(err) {
			return nil, err
		}
		log.G(ctx).WithError(err).WithField("attempt", attempt).Debug("index not found yet")
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w, after %w", ctx.Err(), err)
		}
		pause *= 2
	}
}

// damaged tells errors of content that arrived other than its digest says. They
// stop this search, but say nothing of the image: the next one may get it right.
func damaged(err error) bool {
	return errors.Is(err, remote.ErrCorrupt) || errors.Is(err, remote.ErrProtocol)
}

// unusable tells errors that are definite although something is there, or was
// promised to be.
func unusable(err error) bool {
	if damaged(err) || errors.Is(err, index.ErrInvalid) || errors.Is(err, remote.ErrTooLarge) {
		return true
	}
	return errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err)
}
