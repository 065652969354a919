// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
)

// maxAhead is how many readaheads of a layer may run at a time.
const maxAhead = 4

// wholeFile is the size in bytes up to which a file is fetched whole when a
// read misses a part of it. Programs and libraries are mapped, and their pages
// faulted in here and there: each miss would cost a round trip. Simulated
// with the reads of three starts (rlang, pydata, tomcat) this saves 24, 14 and
// 11 % of the requests; 3, 6 and 3 % of the spans are then fetched in vain.
const wholeFile = 6 << 20

// readAhead notes a read, and fetches what its reader will want next. Errors
// are nobody's: the read that needs the bytes tries itself.
func (r *Reader) readAhead(rq request) {
	if missing, _ := r.store.Missing(); missing == 0 {
		return
	}
	if start, end := r.streams.next(rq.start, rq.end); start < end {
		r.fetchAhead(max(r.layer.At(start), rq.last+1), r.layer.At(end-1))
	}
	data, size := r.tree.Data(rq.node)
	if size > wholeFile || r.stored(rq.first, rq.last) {
		return
	}
	r.fetchAhead(rq.last+1, r.layer.At(data+span.UncompressedOffset(size)-1))
	r.fetchAhead(r.layer.At(data), rq.first-1)
}

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
