// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"
	"sort"

	"github.com/spryd/spry/index/span"
)

// spans is what the layers of both compressions share.
type spans struct {
	list []span.Span
	size int64 // of the blob
}

// Len implements [span.Layer].
func (s *spans) Len() int { return len(s.list) }

// Span implements [span.Layer].
func (s *spans) Span(id span.ID) span.Span { return s.list[id] }

// At implements [span.Layer].
func (s *spans) At(off span.UncompressedOffset) span.ID {
	n := sort.Search(len(s.list), func(i int) bool { return s.list[i].OutStart > off })
	return span.ID(max(n-1, 0))
}

// CompressedSize implements [span.Layer].
func (s *spans) CompressedSize() int64 { return s.size }

// own says whether data is a span of this layer.
func (s *spans) own(data span.Verified) (span.Span, error) {
	sp := data.Span()
	if sp.ID < 0 || int(sp.ID) >= len(s.list) || s.list[sp.ID] != sp {
		return sp, fmt.Errorf("span %d is of another layer", sp.ID)
	}
	return sp, nil
}
