// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// A file with content has the modification time of its entry, its stamp, from
// its first write on. Whoever else writes to it changes that, in any process
// and boot: so it is known that what it holds is not what was recorded.

// ErrForeign says that somebody else wrote to a stored file.
var ErrForeign = errors.New("changed by somebody else")

// stampOf is the time of a, in nanoseconds; ok says that every file system can
// keep its seconds.
func stampOf(a toc.Attr) (t unix.Timespec, ok bool) {
	t = unix.Timespec{Sec: a.MtimeSec, Nsec: int64(a.MtimeNsec)}
	return t, 0 <= t.Sec && t.Sec <= math.MaxInt32
}

// stamped says whether st, of the file of id, has its stamp: true if that
// cannot be told.
func (s *Store) stamped(id toc.NodeID, st *unix.Stat_t) bool {
	a, _ := s.tree.Attr(id)
	t, ok := stampOf(a)
	if !ok || !s.stamps.Load() {
		return true
	}
	return st.Mtim.Sec == t.Sec && (st.Mtim.Nsec == t.Nsec || st.Mtim.Nsec == 0)
}

// stamp gives f, the file of id, its stamp.
func (s *Store) stamp(id toc.NodeID, f *os.File) error {
	a, _ := s.tree.Attr(id)
	t, ok := stampOf(a)
	if !ok {
		return nil
	}
	// Without a path it is of the descriptor.
	both := [2]unix.Timespec{t, t}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&both)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("utimensat", errno)
	}
	return nil
}

// hasStamp says whether the open file of h has its stamp.
func (s *Store) hasStamp(h *handle) bool {
	var st unix.Stat_t
	return unix.Fstat(int(h.file.Fd()), &st) == nil && s.stamped(h.id, &st)
}

// intact says whether nobody else wrote to the file of h.
func (s *Store) intact(h *handle) bool {
	if s.hasStamp(h) {
		return true
	}
	defer s.lockWriting(h.id)() // it may be between a write and the stamp
	return s.hasStamp(h)
}

// lockWriting locks file id from a write to the stamp that follows it, whatever
// handle it is written by, and returns what unlocks it. Other files may share
// the lock.
func (s *Store) lockWriting(id toc.NodeID) (unlock func()) {
	mu := &s.writing[int(id)%len(s.writing)]
	mu.Lock()
	return mu.Unlock
}

// Intact says whether the file of id is complete and nobody else wrote to it. If
// somebody did, its spans are dropped, as by [Store.Drop]. A complete file that
// is not there is intact: who has it open has the right bytes.
func (s *Store) Intact(id toc.NodeID) bool {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return true
	}
	if s.pathStamped(id) {
		return s.Complete(id)
	}
	h, err := s.handles.use(id, func() (*os.File, error) { return s.openStored(id) })
	if err != nil {
		return true
	}
	defer s.handles.done(h)
	if s.intact(h) {
		return s.Complete(id)
	}
	_ = s.dropFile(id)
	return false
}

// pathStamped is stamped of what is at the path of id, which costs one call.
func (s *Store) pathStamped(id toc.NodeID) bool {
	var st unix.Stat_t
	err := unix.Lstat(s.Dir()+"/"+s.tree.Path(id), &st)
	return err != nil || s.stamped(id, &st)
}

// spans are the first and last span of file id, which is not empty.
func (s *Store) spans(id toc.NodeID) (first, last span.ID) {
	off, size := s.tree.Data(id)
	return s.layer.At(off), s.layer.At(off + span.UncompressedOffset(size) - 1)
}

// dropFile drops every span of file id.
func (s *Store) dropFile(id toc.NodeID) error {
	var failed error
	first, last := s.spans(id)
	for sp := first; sp <= last; sp++ {
		if err := s.drop(sp); err != nil {
			failed = errors.Join(failed, fmt.Errorf("drop span %d: %w", sp, err))
		}
	}
	return failed
}

// restamp gives files their stamps that lie in sp and other spans: an earlier
// process was killed when it wrote sp.
func (s *Store) restamp(sp span.Span) {
	for id := range s.tree.Files(sp.OutStart, sp.OutEnd) {
		if first, last := s.spans(id); first == last {
			continue
		}
		if f, err := s.openStored(id); err == nil {
			_ = s.stamp(id, f) // otherwise its other spans are fetched again
			_ = f.Close()
		}
	}
}

// protect drops what other spans than sp hold of the file of h if somebody else
// wrote to it: with the stamp that follows the write of sp nobody would know.
// The caller has locked the file: see lockWriting.
func (s *Store) protect(h *handle, sp span.ID) error {
	first, last := s.spans(h.id)
	for other := first; other <= last; other++ {
		if other == sp || !s.Has(other) {
			continue
		}
		if s.hasStamp(h) {
			return nil
		}
		return s.dropFile(h.id)
	}
	return nil
}
