// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import (
	"sort"

	"github.com/spryd/spry/index/span"
)

// spans is where the spans of a layer are, in order, without what it takes to
// decode them.
type spans []span.Span

func newSpans(l span.Layer) spans {
	s := make(spans, l.Len())
	for i := range s {
		s[i] = l.Span(span.ID(i))
	}
	return s
}

// at is the span that holds the tar stream byte at off, or the last one.
func (s spans) at(off span.UncompressedOffset) span.ID {
	i := sort.Search(len(s), func(i int) bool { return s[i].OutEnd > off })
	return span.ID(min(i, len(s)-1))
}
