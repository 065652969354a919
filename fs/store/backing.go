// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Complete says whether every byte of regular file id is written. It does no
// I/O.
func (s *Store) Complete(id toc.NodeID) bool {
	if _, size := s.tree.Data(id); size == 0 {
		return false // nothing is
	}
	first, last := s.spans(id)
	for sp := first; sp <= last; sp++ {
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
	var st unix.Stat_t
	_, size := s.tree.Data(id)
	if unix.Fstat(int(f.Fd()), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != size || !s.stamped(id, &st) {
		_ = f.Close()
		return nil, false
	}
	return f, true
}
