// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"container/list"
	"context"
	"time"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
)

// entry is a span between claim and store. It is in Reader.flights from its
// claim until it is stored or failed.
type entry struct {
	reader *Reader
	id     span.ID
	done   chan struct{} // closed when the span is decoded or err is set
	err    error         // why there is no data

	// guarded by Memory.mu, for a span that could not be written:
	place *list.Element
	size  int64

	// guarded by Reader.mu:
	refs    int       // readers, the writer, and Reader.flights
	data    []byte    // the decoded span; freed when written or without refs
	copying int       // readers that copy from data
	written bool      // data is in the store too
	run     *run      // while in flight
	grant   grant     // for data
	buf     []byte    // where data lies, to be used again
	queued  bool      // for the writer
	urgent  bool      // was demanded
	early   bool      // was demanded, or fetched ahead of that
	staged  time.Time // since when data is on the stage, for the writer to write later; zero: it is not
	sum     uint32    // of what is there, CRC-32C
	stored  chan struct{}
	putErr  error // set before stored is closed
}

// run is the fetch of neighbouring spans in one request.
type run struct {
	entries []*entry
	class   fetch.Class     // guarded by Reader.mu
	bulk    context.Context // ends when class becomes demand; nil if it is from the beginning
	endBulk context.CancelFunc
	lease   *fetch.Lease // nil: the run, which is demand, takes one itself
}

// claimLocked makes the spans from first to last, all missing, in flight.
func (r *Reader) claimLocked(class fetch.Class, first, last span.ID) *run {
	rn := &run{class: class, endBulk: func() {}}
	if class != fetch.Demand {
		rn.bulk, rn.endBulk = context.WithCancel(r.lifetime)
	}
	for id := first; id <= last; id++ {
		e := &entry{reader: r, id: id, refs: 1, run: rn,
			done: make(chan struct{}), stored: make(chan struct{})}
		rn.entries = append(rn.entries, e)
		r.flights[id] = e
	}
	return rn
}

// runEndLocked is the last span of the run that begins at first: neighbours
// that are missing too, within limit and the size of a run, both in bytes, and
// not behind last.
func (r *Reader) runEndLocked(first, last span.ID, limit int64) span.ID {
	limit = min(limit, r.options.RunSize)
	start, prev := r.layer.Span(first).Start, r.layer.Span(first)
	for id := first + 1; id <= last; id++ {
		next := r.layer.Span(id)
		shared := prev.End - next.Start
		if r.flights[id] != nil || r.store.Has(id) || shared < 0 || shared > 1 ||
			int64(next.End-start) > limit {
			return id - 1
		}
		prev = next
	}
	return last
}

// pinLocked adds a user to e, and makes its run as urgent as the user.
func (r *Reader) pinLocked(e *entry, class fetch.Class) {
	e.refs++
	if e.run == nil || class >= e.run.class {
		return
	}
	e.run.class = class
	if class == fetch.Demand {
		e.run.endBulk()
	}
	if e.run.lease != nil {
		e.run.lease.Promote(class)
	}
}

// unpin ends the use of entries; nil ones are skipped.
func (r *Reader) unpin(entries []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if e != nil {
			r.unrefLocked(e)
		}
	}
}

// copyTo copies the decoded bytes from off on into p; false if they are in
// memory no more. The caller has seen e.done closed and e.err nil.
func (e *entry) copyTo(p []byte, off int64) bool {
	r := e.reader
	r.mu.Lock()
	data := e.data
	if data == nil {
		r.mu.Unlock()
		return false
	}
	e.copying++
	r.mu.Unlock()
	copy(p, data[off:])
	r.mu.Lock()
	e.copying--
	r.freeLocked(e)
	r.mu.Unlock()
	return true
}

// unrefLocked ends one use of e.
func (r *Reader) unrefLocked(e *entry) {
	e.refs--
	r.freeLocked(e)
}

// freeLocked frees the memory of e as soon as nobody depends on it. Readers
// that wait for e do not count once it is written: memory must never wait for
// a reader that waits for memory.
func (r *Reader) freeLocked(e *entry) {
	if e.copying > 0 || (e.refs > 0 && !e.written && e.staged.IsZero()) {
		return
	}
	r.memory.buffers.put(e.buf)
	e.buf, e.data = nil, nil
	e.grant.shrink(0)
}

// removeLocked takes e out of the flights, once.
func (r *Reader) removeLocked(e *entry) {
	if r.flights[e.id] != e {
		return
	}
	delete(r.flights, e.id)
	r.unrefLocked(e)
}

// evict drops a kept entry; what reads or writes it goes on.
func (e *entry) evict() {
	e.reader.mu.Lock()
	defer e.reader.mu.Unlock()
	e.reader.removeLocked(e)
}

// classOf is how urgent a run is by now.
func (r *Reader) classOf(rn *run) fetch.Class {
	r.mu.Lock()
	defer r.mu.Unlock()
	return rn.class
}
