// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"iter"
	"sort"

	"github.com/spryd/spry/index/span"
)

// Files yields the regular files with content whose data intersects
// [start, end), by offset. The contents of a tree's files never overlap.
func (t *Tree) Files(start, end span.UncompressedOffset) iter.Seq[NodeID] {
	return func(yield func(NodeID) bool) {
		i := sort.Search(len(t.files), func(i int) bool {
			n := &t.nodes[t.files[i]-1]
			return n.a+n.b > int64(start)
		})
		for ; i < len(t.files) && t.nodes[t.files[i]-1].a < int64(end); i++ {
			if !yield(NodeID(t.files[i])) {
				return
			}
		}
	}
}

// Around is the part of the tar stream that holds the contents of a directory:
// the largest one above regular file id whose contents lie within limit bytes.
// It is empty if there is none, and as a rule the contents of one directory
// follow each other; if not, it begins and ends with id's neighbours.
func (t *Tree) Around(id NodeID, limit int64) (start, end span.UncompressedOffset) {
	off, size := t.Data(id)
	if size == 0 {
		return 0, 0
	}
	at := sort.Search(len(t.files), func(i int) bool { return t.nodes[t.files[i]-1].a >= int64(off) })
	first, last := at, at // indexes of t.files
	for dir := t.Parent(id); ; dir = t.Parent(dir) {
		for first > 0 && t.under(t.files[first-1], dir) {
			if first--; t.reach(first, last) > limit {
				return start, end
			}
		}
		for last+1 < len(t.files) && t.under(t.files[last+1], dir) {
			if last++; t.reach(first, last) > limit {
				return start, end
			}
		}
		if t.reach(first, last) > limit {
			return start, end
		}
		from := t.nodes[t.files[first]-1].a
		start, end = span.UncompressedOffset(from), span.UncompressedOffset(from+t.reach(first, last))
		if dir == RootID {
			return start, end
		}
	}
}

// reach is how many bytes of the tar stream the contents of the first to the
// last of t.files take.
func (t *Tree) reach(first, last int) int64 {
	from, to := &t.nodes[t.files[first]-1], &t.nodes[t.files[last]-1]
	return to.a + to.b - from.a
}

// under says whether node id is somewhere below dir.
func (t *Tree) under(id uint32, dir NodeID) bool {
	for n := NodeID(id); n != RootID; {
		if n = t.Parent(n); n == dir {
			return true
		}
	}
	return false
}

// DataEnd is where the content of the last file ends in the tar stream, 0 if
// there is none.
func (t *Tree) DataEnd() span.UncompressedOffset {
	if len(t.files) == 0 {
		return 0
	}
	n := &t.nodes[t.files[len(t.files)-1]-1]
	return span.UncompressedOffset(n.a + n.b)
}
