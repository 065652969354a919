// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Session is one mounted file system. Safe for concurrent use. The owner
// calls Unmount; Loop.Close does it for those left.
type Session struct {
	loop       *Loop
	mountpoint string
	raw        *guard
	server     *fuse.ProtocolServer
	fd         int // owned by file; reply uses it while holding a reference
	file       *os.File
	root       *os.File // of a mount that is in no table, while that is made
	conn       syscall.RawConn
	state      *state                 // for a successor; nil before INIT
	held       string                 // name at the keeper; "" if it does not have the session
	above      bool                   // MountOptions.Above shows it
	backing    backing                // nil: no passthrough
	intact     func(node uint64) bool // nil: what backing opened stays what it was
	openWait   time.Duration          // for that
	atOnce     func(node, offset uint64, n uint32) bool
	idle       idle       // backing ids without an open file
	kin        []*Session // of the same identity, detached; see adoptKin
	done       chan struct{}
	primed     atomic.Bool
	left       atomic.Bool // a successor goes on: see Loop.Leave
	warn       sync.Once   // logs the first reply the kernel refused

	noPassthrough sync.Once // logs the first backing file that was refused

	detach sync.Mutex // held while unmounting, so that one call does it
	// detached is true once the mount table has no entry. Guarded by detach.
	detached bool

	mu sync.Mutex
	// refs counts requests being served, plus one until the end. Guarded by mu.
	refs int
	// ended is true once nothing more is read from fd. Guarded by mu.
	ended bool
	// reading has the threads that wait for reads being served, by unique id.
	// Guarded by mu.
	reading map[uint64]uint32
}

// Mountpoint is the directory given to Mount.
func (s *Session) Mountpoint() string { return s.mountpoint }

// Done is closed when the connection ended, whoever ended it, and every
// handler of this session returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// acquire keeps fd open until release; false once the session ended.
func (s *Session) acquire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.refs++
	return true
}

// release undoes acquire. The last one after the end closes the descriptor,
// which ends the connection if the kernel has not and no successor is to
// have it.
func (s *Session) release() {
	s.mu.Lock()
	s.refs--
	last := s.refs == 0
	s.mu.Unlock()
	if !last {
		return
	}
	s.unhold()
	_ = s.file.Close()
	s.state.close()
	s.raw.OnUnmount()
	close(s.done)
}

// isEnded says whether the session ended.
func (s *Session) isEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// beginRead notes a read, so that the end of the session cancels it.
func (s *Session) beginRead(r request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading[r.unique()] = r.thread()
}

// endRead undoes beginRead.
func (s *Session) endRead(unique uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reading, unique)
}

// end stops serving: nothing more is read, reads in progress are cancelled.
// Idempotent. Done is closed when the last handler returned.
func (s *Session) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	uniques := make([]uint64, 0, len(s.reading))
	for u := range s.reading {
		uniques = append(uniques, u)
	}
	s.mu.Unlock()
	_ = s.file.SetReadDeadline(time.Unix(1, 0)) // the leader stops waiting
	s.loop.remove(s)
	s.loop.reads.drop(s)
	for _, u := range uniques {
		s.cancel(u)
	}
	s.release()
}

// cancel closes the cancel channel of a request. A read that is not known to
// the server yet sees in guard.Read that the session ended.
func (s *Session) cancel(unique uint64) {
	var out [outHeaderBytes]byte
	_, _ = s.server.HandleRequest([][]byte{newInterrupt(unique)}, [][]byte{out[:]})
}

// reply writes one answer. The kernel refuses an answer to a request that
// was given up (ENOENT) or of a connection that ended (ENODEV).
func (s *Session) reply(b []byte) {
	if s.left.Load() && s.agreed(fuse.CAP_HAS_RESEND) {
		return // the successor is asked again
	}
	for {
		_, err := unix.Write(s.fd, b)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			s.warn.Do(func() { s.log().WithError(err).WithField("bytes", len(b)).Warn("fuse reply refused") })
		}
		return
	}
}

// replyError answers unique with st.
func (s *Session) replyError(unique uint64, st fuse.Status) {
	var out [outHeaderBytes]byte
	s.reply(out[:putHeader(out[:], unique, st, 0)])
}
