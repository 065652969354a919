// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import "github.com/spryd/spry/fs/fetch"

// maxAhead is how many readaheads of a layer may run at a time.
const maxAhead = 4

// readAhead notes a read, and fetches what a sequential reader will want next.
// Errors are nobody's: the read that needs the bytes tries itself.
func (r *Reader) readAhead(rq request) {
	if missing, _ := r.store.Missing(); missing == 0 {
		return
	}
	start, end := r.streams.next(rq.start, rq.end)
	if start >= end {
		return
	}
	first, last := r.layer.At(start), r.layer.At(end-1)
	first = max(first, rq.last+1)
	if first > last || r.stored(first, last) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.ahead >= maxAhead {
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
