// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spryd/spry/index/span"
)

// Correct compares what is on disk of span id with its decoded bytes, all of
// them, and writes it again if that differs; wrong says so. A span that is not
// written is left alone.
func (s *Store) Correct(id span.ID, out []byte) (wrong bool, err error) {
	s.use.RLock()
	defer s.use.RUnlock()
	switch sp := s.layer.Span(id); {
	case s.closed:
		return false, fmt.Errorf("correct span %d: %w", id, os.ErrClosed)
	case !s.Has(id) || s.holds(sp, out):
		return false, nil
	default:
		if err := s.write(sp, out); err != nil {
			return true, fmt.Errorf("correct span %d in %s: %w", id, s.dir, err)
		}
		return true, nil
	}
}

// holds says whether the disk has the file pieces that lie in sp.
func (s *Store) holds(sp span.Span, out []byte) bool {
	var buf []byte
	for id := range s.tree.Files(sp.OutStart, sp.OutEnd) {
		off, size := s.tree.Data(id)
		start, end := max(off, sp.OutStart), min(off+span.UncompressedOffset(size), sp.OutEnd)
		want := out[start-sp.OutStart : end-sp.OutStart]
		if cap(buf) < len(want) {
			buf = make([]byte, len(want))
		}
		got := buf[:len(want)]
		if s.readAt(id, got, int64(start-off)) != nil || !bytes.Equal(got, want) {
			return false
		}
	}
	return true
}
