// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// lookAgain is how often a thread is looked at whose read was interrupted, but
// not to end it.
const lookAgain = 100 * time.Millisecond

// stops are the signals that stop a process by default, as a set.
const stops = 1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// spares says whether the interrupted request unique is a read whose thread
// lives on. Such a read goes on, as on other file systems: programs do not expect
// that a handler for a signal, or being stopped, ends a read of a file. As the
// kernel interrupts a request once, the thread is watched from then on.
func (s *Session) spares(unique uint64) bool {
	thread, ok := s.reader(unique)
	if !ok || leaving(thread) {
		return false
	}
	s.watch(unique)
	return true
}

// watch ends read unique when its thread is about to end.
func (s *Session) watch(unique uint64) {
	time.AfterFunc(lookAgain, func() {
		thread, ok := s.reader(unique)
		switch {
		case !ok: // answered
		case !leaving(thread):
			s.watch(unique)
		case !s.takeQueued(unique):
			s.cancel(unique)
		}
	})
}

// reader is the thread that waits for read unique; false if none does.
func (s *Session) reader(unique uint64) (thread uint32, ok bool) {
	if thread, ok = s.loop.reads.find(s, unique); ok {
		return thread, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	thread, ok = s.reading[unique]
	return thread, ok
}

// takeQueued answers read unique with EINTR if it still waits for its turn.
func (s *Session) takeQueued(unique uint64) bool {
	if !s.loop.reads.take(s, unique) {
		return false
	}
	s.replyError(unique, fuse.EINTR)
	s.release()
	return true
}

// leaving says whether a thread ends when it returns from the kernel, or has
// ended. So has one that cannot be seen from here.
func leaving(thread uint32) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	return err != nil || isFatal(status)
}

// isFatal says whether a signal waits for the thread with that
// /proc/THREAD/status that it neither blocks nor handles: those that it ignores
// do not wait. A signal that ends the process waits as SIGKILL for all its threads.
func isFatal(status []byte) bool {
	var pending, kept uint64
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
		if err != nil {
			continue
		}
		switch string(name) {
		case "SigPnd", "ShdPnd":
			pending |= n
		case "SigBlk", "SigCgt":
			kept |= n
		}
	}
	return pending&^kept&^stops != 0
}
