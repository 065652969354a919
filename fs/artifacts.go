// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/index"
)

const (
	// maxAhead bounds the bytes of artifacts loaded ahead of their use.
	maxAhead = 64 << 20
	// parallelAhead is how many are loaded at a time.
	parallelAhead = 8
	// keepAhead is how long they wait for their use.
	keepAhead = time.Minute
)

// errIndexTimeout says that the index of a layer was not there in time, or that
// of another layer of the image was not a moment ago.
var errIndexTimeout = errors.New("loading the index takes too long")

// artifacts loads the indexes of an image's layers ahead of their use.
type artifacts struct {
	finder   Finder
	timeout  time.Duration   // of one
	badFor   time.Duration   // how long a failure is remembered
	lifetime context.Context // of the FileSystem
	work     sync.WaitGroup
	slots    chan struct{}

	mu    sync.Mutex // guards everything below
	items map[digest.Digest]*artifact
	bytes int64
	begun map[digest.Digest]bool // image indexes that were loaded just now
	bad   map[digest.Digest]bool // image indexes of which something was late just now
}

// artifact is a blob that is being loaded, or was.
type artifact struct {
	size int64
	done chan struct{} // closed when b and err are set
	b    []byte
	err  error
}

func newArtifacts(lifetime context.Context, o Options) *artifacts {
	return &artifacts{finder: o.Finder, timeout: o.IndexTimeout, badFor: o.IndexRetry, lifetime: lifetime, slots: make(chan struct{}, parallelAhead),
		items: make(map[digest.Digest]*artifact), begun: make(map[digest.Digest]bool), bad: make(map[digest.Digest]bool)}
}

// bound is ctx for as long as a pull may wait for what the network has of one
// layer's index: no time at all if another layer of the image waited in vain
// a moment ago.
func (a *artifacts) bound(ctx context.Context, image digest.Digest) (context.Context, context.CancelFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	timeout := a.timeout
	if a.bad[image] {
		timeout = 0
	}
	return context.WithTimeoutCause(ctx, timeout, errIndexTimeout)
}

// late says so of err if the time of bound was over, and remembers it for a
// while, so that the layers of one pull wait once and not each.
func (a *artifacts) late(ctx context.Context, image digest.Digest, err error) error {
	if !errors.Is(context.Cause(ctx), errIndexTimeout) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.bad[image] {
		a.bad[image] = true
		time.AfterFunc(a.badFor, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.bad, image)
		})
	}
	return fmt.Errorf("%w (%s): %w", errIndexTimeout, a.timeout, err)
}

// ahead begins to load what describes the layers of found for which wanted says
// so, in layer order, as far as there is room. An index is done once in a
// while.
func (a *artifacts) ahead(ref index.LayerRef, found *discover.Found, wanted func(digest.Digest) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun[found.Digest] || a.lifetime.Err() != nil {
		return
	}
	a.begun[found.Digest] = true
	time.AfterFunc(keepAhead, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.begun, found.Digest)
	})
	for _, layer := range described(found.Index) {
		d := formsOf(found.Index, layer)[0].desc
		if a.items[d.Digest] == nil && d.Size > 0 && a.bytes+d.Size <= maxAhead && wanted(layer) {
			a.loadLocked(ref, d)
		}
	}
}

// layersAhead begins to load those of an image's layers that found leaves to be
// unpacked, if they are small, and returns those. What they have may be read
// when they are done. An image has many that only make a directory or copy a
// file, and containerd asks for one after the other.
func (a *artifacts) layersAhead(ref index.LayerRef, found *discover.Found, layers []ocispec.Descriptor) map[digest.Digest]*artifact {
	small := make(map[digest.Digest]*artifact)
	lazy := described(found.Index)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range layers {
		if a.lifetime.Err() == nil && a.items[d.Digest] == nil && d.Size > 0 && d.Size < index.SmallLayer &&
			a.bytes+d.Size <= maxAhead && !slices.Contains(lazy, d.Digest) {
			a.loadLocked(ref, d)
			small[d.Digest] = a.items[d.Digest]
		}
	}
	return small
}

// loadLocked begins to load desc.
func (a *artifacts) loadLocked(ref index.LayerRef, desc ocispec.Descriptor) {
	it := &artifact{size: desc.Size, done: make(chan struct{})}
	a.items[desc.Digest] = it
	a.bytes += it.size
	a.work.Go(func() {
		defer close(it.done)
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		case <-a.lifetime.Done():
			it.err = context.Cause(a.lifetime)
			return
		}
		ctx, cancel := context.WithTimeoutCause(a.lifetime, a.timeout, errIndexTimeout)
		defer cancel()
		it.b, it.err = a.finder.Artifact(ctx, ref, desc, desc.Size)
		done := it.done // the timer must not keep the item
		time.AfterFunc(keepAhead, func() { a.take(desc.Digest, done) })
	})
}

// get is the blob of a form, loaded ahead, which does not need any time of ctx,
// or now.
func (a *artifacts) get(ctx context.Context, ref index.LayerRef, m form) ([]byte, error) {
	if b, ok := a.loaded(ctx, m.desc.Digest); ok {
		return b, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return a.finder.Artifact(ctx, ref, m.desc, m.limit())
}

// loaded waits for a blob that is being loaded ahead. It is handed out once.
func (a *artifacts) loaded(ctx context.Context, d digest.Digest) ([]byte, bool) {
	a.mu.Lock()
	it := a.items[d]
	a.mu.Unlock()
	if it == nil {
		return nil, false
	}
	select {
	case <-it.done:
	default:
		select {
		case <-it.done:
		case <-ctx.Done():
			return nil, false
		}
	}
	a.take(d, it.done)
	return it.b, it.err == nil
}

// take forgets the item of d, if it is the one with that channel.
func (a *artifacts) take(d digest.Digest, done chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if it := a.items[d]; it != nil && it.done == done {
		delete(a.items, d)
		a.bytes -= it.size
	}
}

// close waits for what is being loaded; the lifetime has ended.
func (a *artifacts) close() { a.work.Wait() }
