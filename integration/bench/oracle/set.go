// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import "github.com/spryd/spry/index/span"

// Range is the bytes [Start, End) of a file.
type Range struct{ Start, End int64 }

// extent is where a file's content lies in the tar stream.
type extent struct {
	off  span.UncompressedOffset
	size int64
}

// set is spans by id.
type set map[span.ID]struct{}

// add adds the spans that hold ranges of the file at e. Ranges end with a
// page, the file may end before.
func (s set) add(l spans, e extent, ranges []Range) {
	for _, r := range ranges {
		end := min(r.End, e.size)
		if r.Start >= end {
			continue
		}
		last := l.at(e.off + span.UncompressedOffset(end-1))
		for id := l.at(e.off + span.UncompressedOffset(r.Start)); id <= last; id++ {
			s[id] = struct{}{}
		}
	}
}

// bytes is the compressed size of the set.
func (s set) bytes(l spans) int64 {
	var n int64
	for id := range s {
		n += l[id].CompressedSize()
	}
	return n
}
