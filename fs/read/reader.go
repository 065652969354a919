// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"sync"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Reader reads the files of one layer. Make one with [New] and close it. All
// methods are safe for concurrent use.
type Reader struct {
	options   Options
	layer     span.Layer
	tree      *toc.Tree
	store     *store.Store
	blob      BlobReader
	scheduler *fetch.Scheduler
	memory    *Memory
	counters  *Counters
	streams   streams
	blocks    blocks
	stage     stage

	// lifetime ends when the reader is closed. Runs and the writer live in
	// it, and work counts them.
	lifetime context.Context
	end      context.CancelCauseFunc
	work     sync.WaitGroup

	mu       sync.Mutex // guards everything below, and the fields of entries
	flights  map[span.ID]*entry
	queue    []*entry // to be written
	urgent   []*entry // to be written before those
	writing  bool     // a writer runs
	staged   []*entry // in the order in which they are to be written
	settling bool     // these are being written
	full     bool     // the last write failed
	ahead    int      // readaheads that run
	wants    map[*want]struct{}
	outage   outage
	closed   bool
}

// New makes a reader. It starts no work of its own accord.
func New(o Options) *Reader {
	o = o.withDefaults()
	r := &Reader{
		options:   o,
		layer:     o.Layer,
		tree:      o.Tree,
		store:     o.Store,
		blob:      o.Blob,
		scheduler: o.Scheduler,
		memory:    o.Memory,
		counters:  o.Counters,
		blocks:    newBlocks(o.Layer.Len()),
		flights:   make(map[span.ID]*entry),
		wants:     make(map[*want]struct{}),
	}
	r.lifetime, r.end = context.WithCancelCause(context.Background())
	return r
}

// Close ends every run and read in progress with [ErrClosed], waits for the
// runs, and frees the memory. What was decoded but not written is lost. It does
// not wait for calls of ReadAt and Fetch to return.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end(ErrClosed)
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.flights {
		r.memory.forget(e)
		r.removeLocked(e)
	}
	return r.stage.close()
}
