// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// leaveGrace is how long reads in progress have where the kernel cannot be
// asked to send them again to a successor.
const leaveGrace = 10 * time.Second

// Leave stops serving and leaves mounts as they are, for a successor that
// gets them from the keeper; those that the keeper does not have are
// unmounted by Close. When it returns, no handler runs. Reads in progress are
// cancelled without an answer; the kernel will send them to the successor.
// Unmount of such a session does nothing any more. Mount must not be called.
func (l *Loop) Leave() {
	l.mu.Lock()
	var going []*Session
	for s := range l.sessions {
		if s.held != "" {
			going = append(going, s)
		}
	}
	for _, o := range l.orphans {
		_ = unix.Close(o.device) // the keeper has another
		o.state.close()
	}
	l.orphans = nil
	l.left = true
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range going {
		wg.Go(s.leave)
	}
	wg.Wait()
}

// Left says whether Leave was called.
func (l *Loop) Left() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

// leave ends a session on this side only.
func (s *Session) leave() {
	s.left.Store(true)
	if !s.agreed(fuse.CAP_HAS_RESEND) {
		s.quiesce()
	}
	s.end()
	<-s.done
}

// quiesce reads no more requests and lets those in progress end.
func (s *Session) quiesce() {
	_ = s.file.SetReadDeadline(time.Unix(1, 0))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(leaveGrace); time.Now().Before(end); <-tick.C {
		s.mu.Lock()
		busy := s.refs > 1
		s.mu.Unlock()
		if !busy {
			return
		}
	}
}
