// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// maxAhead is how many readaheads of a layer may run at a time.
const maxAhead = 4

// What a read that misses fetches besides, because each miss costs the answer
// time of a registry. Simulated with the reads of four starts (nginx, rlang,
// pydata, tomcat), misses and compressed bytes:
//
//	the file                        22, 94, 199, 154    13.5, 54.0, 74.4, 64.2 MB
//	the directory too               22, 67, 164, 153    13.5, 58.4, 77.1, 64.8 MB
//
// A rule that fetched three more spans where many neighbours are here saved
// some there (21, 63, 128, 114; together with pieces of large files 21, 63,
// 121, 84). It was given up when fs/program followed what modules import: runs
// of pydata and rlang without it, two each, had 48 and 33 waits over 3 ms
// instead of 32 and 28, 18 and 21 instead of 12 and 14, and fetched 127 and 125
// MB instead of 142 and 139, 102 and 96 instead of 131 and 122.
const (
	// WholeFile is the size in bytes up to which a file is fetched whole.
	// Programs and libraries are mapped, and their pages faulted in here and
	// there.
	WholeFile = 6 << 20
	// wholeDir is the same for a directory with all below it, such as a
	// package of an interpreted language.
	wholeDir = 3 << 20
	// block is how many spans, counted from its beginning, are fetched at a time of
	// a file that is too large to fetch whole. With four the start of tomcat, which
	// faults in classes all over a file of 130 MB, fetched 80 MB instead of 74, and
	// was as fast. See [blocks] for files of which only a span is.
	block = 3
)

// readAhead notes a read, and fetches what its reader will want next if that is
// sequential. Errors are nobody's: the read that needs the bytes tries itself. Where
// nothing is missing it does nothing.
func (r *Reader) readAhead(rq request) {
	if missing, _ := r.store.Missing(); missing == 0 {
		return
	}
	r.blocks.note(rq.first, rq.last)
	data, size := r.tree.Data(rq.node)
	if start, end := r.streams.next(rq.start, rq.end, data+span.UncompressedOffset(size)); start < end {
		r.fetchAhead(max(r.layer.At(start), rq.last+1), r.layer.At(end-1))
	}
}

// neighbourhood are the spans that are fetched when rq misses, its own among
// them.
func (r *Reader) neighbourhood(rq request) (first, last span.ID) {
	if _, size := r.tree.Data(rq.node); size > WholeFile && !r.blocks.help(rq.node) {
		return rq.first, rq.last
	}
	return r.around(rq)
}

// around are the spans that belong to what rq reads.
func (r *Reader) around(rq request) (first, last span.ID) {
	if start, end := r.tree.Around(rq.node, wholeDir); start < end {
		return r.layer.At(start), r.layer.At(end - 1)
	}
	data, size := r.tree.Data(rq.node)
	first, last = r.layer.At(data), r.layer.At(data+span.UncompressedOffset(size)-1)
	if size > WholeFile {
		first += (rq.first - first) / block * block
		last = min(last, max(first+block-1, rq.last))
	}
	return first, last
}

// Around is what a read of file id at off, which lies in it, brings here of it if
// it misses: n bytes at from.
func (r *Reader) Around(id toc.NodeID, off int64) (from, n int64) {
	data, size := r.tree.Data(id)
	at := r.layer.At(data + span.UncompressedOffset(off))
	first, last := r.neighbourhood(request{node: id, first: at, last: at})
	from = max(int64(r.layer.Span(first).OutStart-data), 0)
	return from, min(int64(r.layer.Span(last).OutEnd-data), size) - from
}

// noteMiss notes that rq missed in a file that is fetched block by block.
func (r *Reader) noteMiss(rq request) {
	if _, size := r.tree.Data(rq.node); size > WholeFile {
		first, last := r.around(rq)
		r.blocks.miss(rq.node, missedBlock{first, last, int(rq.last-rq.first) + 1})
	}
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
