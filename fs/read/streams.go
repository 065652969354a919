// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"sync"

	"github.com/spryd/spry/index/span"
)

const (
	// maxStreams is how many sequential readers of a layer are told apart.
	maxStreams = 16
	// slack is how far from where a stream is a read may be and still belong
	// to it: the kernel's readahead requests overtake each other, and
	// between two files there are headers.
	slack = 2 << 20
	// trigger is how much must have been read in sequence.
	trigger = 512 << 10
	// headers is the most that lies between two files that are read one after
	// the other, in bytes.
	headers = 4 << 10
	// recent is how far back a stream counts what was left out.
	recent = 4 << 20
	// firstWindow and largestWindow bound how far is read ahead.
	firstWindow   = 4 << 20
	largestWindow = 32 << 20
)

// streams finds sequential readers by the positions of reads in the tar
// stream, in which the files of a directory mostly follow each other.
type streams struct {
	mu   sync.Mutex // guards everything below
	list []*stream  // most recently used first
}

// stream is one sequential reader.
type stream struct {
	next   span.UncompressedOffset // end of what was read
	read   int64                   // bytes read in sequence
	begin  span.UncompressedOffset // where it began, or what is recent
	hit    span.UncompressedOffset // bytes read since begin
	edge   span.UncompressedOffset // end of what was read ahead
	mark   span.UncompressedOffset // where next calls for more
	window span.UncompressedOffset // how far to read ahead then
}

// next notes a read of [start, end) and returns what to read ahead, which is
// empty for a reader that is not sequential or far enough ahead. When a
// reader has half of what was read ahead behind it, the window is twice as large.
//
// It goes on behind fileEnd, the end of the file that is read, only for a reader
// that leaves little out: one that reads files in order, and not further than
// twice what that has read. Programs and libraries are faulted in here and there,
// more or less in order too, and what lies behind them is another program's.
func (s *streams) next(start, end, fileEnd span.UncompressedOffset) (from, to span.UncompressedOffset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.findLocked(start)
	st.note(start, end)
	if st.read < trigger || st.next < st.mark {
		return 0, 0
	}
	from, to = max(st.edge, st.next), st.next+st.window
	if !st.dense() {
		to = min(to, fileEnd)
	}
	to = min(to, max(fileEnd, st.next+span.UncompressedOffset(2*st.read)))
	if from >= to {
		return 0, 0
	}
	st.edge, st.mark = to, to-(to-st.next)/2
	st.window = min(2*st.window, largestWindow)
	return from, to
}

// note adds a read of [start, end).
func (st *stream) note(start, end span.UncompressedOffset) {
	if end <= st.next {
		st.hit += end - start // the kernel's requests overtake each other
		return
	}
	fresh := end - max(start, st.next)
	st.read += int64(fresh)
	st.hit += end - start
	if gap := start - st.next; gap > 0 && gap <= headers {
		st.hit += gap
	}
	st.next = end
	if st.next-st.begin > recent {
		st.begin += (st.next - st.begin) / 2
		st.hit /= 2
	}
}

// dense says whether the stream reads at least three quarters of what it passes.
func (st *stream) dense() bool { return 4*st.hit >= 3*(st.next-st.begin) }

// findLocked is the stream that a read at start continues, a new one if it
// continues none, as the most recently used.
func (s *streams) findLocked(start span.UncompressedOffset) *stream {
	at := len(s.list)
	for i, st := range s.list {
		if start >= st.next-slack && start <= st.next+slack {
			at = i
			break
		}
	}
	var st *stream
	switch {
	case at < len(s.list):
		st = s.list[at]
	case len(s.list) < maxStreams:
		st = &stream{next: start, begin: start, window: firstWindow}
		s.list = append(s.list, nil)
	default:
		st = &stream{next: start, begin: start, window: firstWindow}
		at--
	}
	copy(s.list[1:at+1], s.list[:at])
	s.list[0] = st
	return st
}
