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

// DataEnd is where the content of the last file ends in the tar stream, 0 if
// there is none.
func (t *Tree) DataEnd() span.UncompressedOffset {
	if len(t.files) == 0 {
		return 0
	}
	n := &t.nodes[t.files[len(t.files)-1]-1]
	return span.UncompressedOffset(n.a + n.b)
}
