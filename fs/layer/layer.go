// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// ErrCondemned says that a layer is not what its index says.
var ErrCondemned = errors.New("layer is condemned")

// Layer is one layer of this host. Open one with [Open] and close it. All
// methods are safe for concurrent use.
type Layer struct {
	options Options
	store   *store.Store
	reader  *read.Reader

	// lifetime ends when the layer is closed, completing when it is condemned too.
	// work are the goroutines in them.
	lifetime, completing context.Context
	end, endCompleting   context.CancelFunc
	work                 sync.WaitGroup

	state     atomic.Int32
	condemned sync.Once
	prover    atomic.Pointer[prover]        // nil: no proof runs
	diffID    atomic.Pointer[digest.Digest] // what it decompresses to; nil: this process has not found it

	mu      sync.Mutex // guards the fields below
	started bool
	closed  bool
	mending map[toc.NodeID]bool // files that are fetched again
}

// Open opens the layer's store, taking over what is there. Nothing is fetched
// yet.
func Open(o Options) (*Layer, error) {
	st, err := store.Open(o.Dir, o.Tree, o.Spans)
	if err != nil {
		return nil, fmt.Errorf("open layer %s: %w", o.Digest, err)
	}
	l := &Layer{options: o, store: st, mending: make(map[toc.NodeID]bool)}
	l.reader = read.New(read.Options{
		Digest:    o.Digest,
		Layer:     o.Spans,
		Tree:      o.Tree,
		Store:     st,
		Blob:      o.Blob,
		Scheduler: o.Scheduler,
		Memory:    o.Memory,
		Deadline:  o.Deadline,
		Slow:      o.Slow,
		Images:    o.Images,
		Counters:  o.Counters,
		Begun:     o.Begun,
		Observer:  l.observe,
		Lost:      l.lost,
	})
	l.lifetime, l.end = context.WithCancel(context.Background())
	l.lifetime = log.WithLogger(l.lifetime, log.L.WithField("layer", o.Digest.String()))
	l.completing, l.endCompleting = context.WithCancel(l.lifetime)
	return l, nil
}

// Start begins to fetch. Calls after the first, or after Close, do nothing.
func (l *Layer) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.closed {
		return
	}
	l.started = true
	if l.options.Condemned {
		l.condemned.Do(l.refuse)
		return
	}
	l.advance(Lazy)
	l.options.Scheduler.Expect()
	if !l.options.OnDemandOnly && !l.store.Proven() {
		// What fails now is tried again, and reported, when the layer is whole.
		_ = l.startProof(l.lifetime)
	}
	l.work.Go(func() { l.complete(l.completing) })
}

// ReadAt fills p with the content of file id at off, fetching what is missing:
// see [read.Reader.ReadAt]. The content of a condemned layer is
// [ErrCondemned].
func (l *Layer) ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error {
	if l.refused() {
		return fmt.Errorf("read layer %s: %w", l.options.Digest, ErrCondemned)
	}
	return l.reader.ReadAt(ctx, id, p, off)
}

// refused says whether nothing of the layer is read any more.
func (l *Layer) refused() bool { return l.State() == Condemned && !l.options.ReadCondemned }

// AtOnce says whether ReadAt of n bytes at off will wait for nothing: see
// [read.Reader.AtOnce].
func (l *Layer) AtOnce(id toc.NodeID, off, n int64) bool {
	return l.State() != Condemned && l.reader.AtOnce(id, off, n)
}

// Ahead fetches n bytes of file id at off before anybody asks for them, and
// returns when they are here; see [read.Reader.FetchFile].
func (l *Layer) Ahead(ctx context.Context, id toc.NodeID, off, n int64) error {
	return l.reader.FetchFile(ctx, fetch.Readahead, id, off, n)
}

// Around is what a read that misses brings here; see [read.Reader.Around].
func (l *Layer) Around(id toc.NodeID, off int64) (from, n int64) { return l.reader.Around(id, off) }

// Flush writes what was fetched to disk: see [read.Reader.Flush].
func (l *Layer) Flush(ctx context.Context) error { return l.reader.Flush(ctx) }

// Hold keeps the layer, its tree included, until release is called: Close waits
// for that. The context ends when Close begins. A closed layer cannot be held.
func (l *Layer) Hold(ctx context.Context) (_ context.Context, release func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ctx, nil, false
	}
	l.work.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.lifetime, cancel)
	return ctx, func() {
		stop()
		cancel()
		l.work.Done()
	}, true
}

// Tree is the layer's file table.
func (l *Layer) Tree() *toc.Tree { return l.options.Tree }

// State is how far the layer has come.
func (l *Layer) State() State { return State(l.state.Load()) }

// Spans is the number of spans of the layer, and of those not on disk.
func (l *Layer) Spans() (all, missing int) {
	missing, _ = l.store.Missing()
	return l.options.Spans.Len(), missing
}

// Bytes is the size of the blob, and of what is missing of it, in bytes.
func (l *Layer) Bytes() (all, missing int64) {
	_, missing = l.store.Missing()
	return l.options.Spans.CompressedSize(), missing
}

// Usage is about how much disk space and how many inodes the layer's files
// occupy, with what waits to be proven.
func (l *Layer) Usage() (bytes, inodes int64) {
	bytes, inodes = l.store.Usage()
	if pr := l.prover.Load(); pr != nil {
		bytes, inodes = bytes+pr.proof.Spooled()+pr.proof.Kept(), inodes+2
	}
	return bytes, inodes
}

// Close ends all fetching and reading, waits for the goroutines of the layer,
// and closes its files. What is on disk stays.
func (l *Layer) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	err := l.reader.Close()
	l.work.Wait()
	if pr := l.prover.Load(); pr != nil {
		err = errors.Join(err, pr.close())
	}
	return errors.Join(err, l.store.Close())
}

// last is the last span.
func (l *Layer) last() span.ID { return span.ID(l.options.Spans.Len() - 1) }
