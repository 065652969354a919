// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"os"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Complete says whether every byte of regular file id is written. It does no
// I/O.
func (s *Store) Complete(id toc.NodeID) bool {
	off, size := s.tree.Data(id)
	if size == 0 {
		return false // nothing is
	}
	last := s.layer.At(off + span.UncompressedOffset(size) - 1)
	for sp := s.layer.At(off); sp <= last; sp++ {
		if !s.Has(sp) {
			return false
		}
	}
	return true
}

// Backing opens the file that holds the bytes of regular file id, for reading,
// if it is complete and there. The caller closes it.
func (s *Store) Backing(id toc.NodeID) (*os.File, bool) {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed || !s.Complete(id) {
		return nil, false
	}
	f, err := s.files.Open(s.tree.Path(id))
	if err != nil {
		return nil, false // reads find out, and fetch what was lost
	}
	if _, size := s.tree.Data(id); !holds(f, size) {
		_ = f.Close()
		return nil, false
	}
	return f, true
}

// holds says whether f is a regular file of that size.
func holds(f *os.File, size int64) bool {
	st, err := f.Stat()
	return err == nil && st.Mode().IsRegular() && st.Size() == size
}
