// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
)

// maxAhead is how many readaheads of a layer may run at a time.
const maxAhead = 4

// What a read that misses fetches besides, because each miss costs the answer
// time of a registry. Simulated with the reads of four starts (nginx, rlang,
// pydata, tomcat), misses and compressed bytes:
//
//	the file                        22, 94, 199, 154    13.5, 54.0, 74.4, 64.2 MB
//	the directory too               22, 67, 164, 153    13.5, 58.4, 77.1, 64.8 MB
//	what follows in a busy part     21, 63, 128, 114    13.9, 64.3, 80.8, 69.7 MB
//	a piece of a large file         21, 63, 121,  84    13.9, 65.1, 83.3, 75.7 MB
const (
	// WholeFile is the size in bytes up to which a file is fetched whole.
	// Programs and libraries are mapped, and their pages faulted in here and
	// there.
	WholeFile = 6 << 20
	// wholeDir is the same for a directory with all below it, such as a
	// package of an interpreted language.
	wholeDir = 3 << 20
	// nearby is how many spans on both sides make up the neighbourhood of a
	// read, busy how many of them make it a busy one if they are here, and
	// follow how many spans are fetched then.
	nearby, busy, follow = 4, 3, 3
	// previous and following are how many spans before and behind the read are
	// fetched of a file that is too large to fetch whole.
	previous, following = 1, 2
)

// readAhead notes a read, and fetches what its reader will want next. Errors
// are nobody's: the read that needs the bytes tries itself.
func (r *Reader) readAhead(rq request) {
	if missing, _ := r.store.Missing(); missing == 0 {
		return
	}
	if start, end := r.streams.next(rq.start, rq.end); start < end {
		r.fetchAhead(max(r.layer.At(start), rq.last+1), r.layer.At(end-1))
	}
	if r.stored(rq.first, rq.last) {
		return
	}
	data, size := r.tree.Data(rq.node)
	first, last := r.layer.At(data), r.layer.At(data+span.UncompressedOffset(size)-1)
	if start, end := r.tree.Around(rq.node, wholeDir); start < end {
		first, last = r.layer.At(start), r.layer.At(end-1)
	} else if size > WholeFile {
		first, last = max(first, rq.first-previous), min(last, rq.last+following)
	}
	r.fetchAhead(rq.last+1, last)
	r.fetchAhead(first, rq.first-1)
	if r.busy(rq) {
		r.fetchAhead(rq.last+1, min(rq.last+follow, r.lastSpan()))
	}
}

// busy says whether much is here around a read.
func (r *Reader) busy(rq request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	here := 0
	for id := max(rq.first-nearby, 0); id <= min(rq.last+nearby, r.lastSpan()); id++ {
		if r.flights[id] != nil || r.store.Has(id) {
			here++
		}
	}
	return here >= busy
}

// lastSpan is the last span of the layer.
func (r *Reader) lastSpan() span.ID { return span.ID(r.layer.Len() - 1) }

// fetchAhead fetches the spans from first to last in the background of the
// read that it is for, unless that is under way or too much else is.
func (r *Reader) fetchAhead(first, last span.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.ahead >= maxAhead || !r.absentLocked(first, last) {
		return
	}
	r.ahead++
	r.work.Go(func() {
		_ = r.Fetch(r.lifetime, fetch.Readahead, first, last)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ahead--
	})
}

// absentLocked says whether a span from first to last is neither stored nor
// under way.
func (r *Reader) absentLocked(first, last span.ID) bool {
	for id := first; id <= last; id++ {
		if r.flights[id] == nil && !r.store.Has(id) {
			return true
		}
	}
	return false
}
