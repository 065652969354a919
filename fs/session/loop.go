// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrClosed is returned by Mount on a loop that was closed.
var ErrClosed = errors.New("session loop is closed")

// Defaults and limits of Options.
const (
	// DefaultWorkers is the number of workers, and about the number of OS
	// threads, that wait for requests.
	DefaultWorkers = 4
	// minWorkers leaves one worker for metadata when one is reading.
	minWorkers = 2
	// maxWorkers bounds what a configuration can ask for.
	maxWorkers = 64
	// DefaultReadBytes is how much may be asked for by reads in progress:
	// 64 reads of MaxRead bytes.
	DefaultReadBytes = 64 * MaxRead
	// DefaultUnmountGrace is how long Unmount leaves a busy mount to its users.
	DefaultUnmountGrace = 2 * time.Second
)

// Options of a Loop. The zero value means the defaults.
type Options struct {
	// Workers wait for requests; 0 is DefaultWorkers. Blocked reads do not
	// count: they are replaced.
	Workers int
	// ReadBytes bounds the buffer memory of reads in progress, in bytes over
	// all mounts; 0 is DefaultReadBytes.
	ReadBytes int64
	// UnmountGrace is how long Unmount waits for users of a mount before it
	// cuts them off; 0 is DefaultUnmountGrace.
	UnmountGrace time.Duration
}

func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	o.Workers = min(max(o.Workers, minWorkers), maxWorkers)
	if o.ReadBytes <= 0 {
		o.ReadBytes = DefaultReadBytes
	}
	if o.UnmountGrace <= 0 {
		o.UnmountGrace = DefaultUnmountGrace
	}
	return o
}

// Loop serves any number of FUSE mounts. Safe for concurrent use. The owner
// calls Close.
type Loop struct {
	options Options
	epoll   int
	wake    int // eventfd; readable means: workers leave
	reads   *admission
	buffers *buffers
	workers sync.WaitGroup

	mu sync.RWMutex
	// sessions are the live ones by id; nil after Close. Guarded by mu.
	sessions map[int32]*Session
	// next is the id of the next session; 0 is the eventfd. Guarded by mu.
	next int32
}

// New starts the workers of a loop.
func New(o Options) (*Loop, error) {
	o = o.withDefaults()
	l := &Loop{
		options:  o,
		reads:    &admission{limit: o.ReadBytes, available: o.Workers, reserve: max(o.Workers/2, 1)},
		buffers:  &buffers{},
		sessions: make(map[int32]*Session),
		next:     1,
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	for range o.Workers {
		w, err := newWorker(l)
		if err != nil {
			l.stop()
			return nil, err
		}
		l.workers.Go(w.run)
	}
	return l, nil
}

func (l *Loop) open() error {
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return fmt.Errorf("eventfd: %w", err)
	}
	// Level triggered and never drained: every worker sees it.
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.wake, &ev); err != nil {
		_ = unix.Close(l.epoll)
		_ = unix.Close(l.wake)
		return fmt.Errorf("epoll_ctl eventfd: %w", err)
	}
	return nil
}

// stop makes the workers leave and frees what they used.
func (l *Loop) stop() {
	_, _ = unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	l.workers.Wait()
	_ = unix.Close(l.epoll)
	_ = unix.Close(l.wake)
	l.buffers.free()
}

// Close unmounts what is still mounted, cutting off its users at once, waits
// until every handler returned and ends the workers. Later calls of Mount
// return ErrClosed. Idempotent; errors are those of the unmounts.
func (l *Loop) Close() error {
	l.mu.Lock()
	sessions := l.sessions
	l.sessions = nil
	l.mu.Unlock()
	if sessions == nil {
		return nil
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(sessions))
	for _, s := range sessions {
		wg.Go(func() { errs <- s.unmount(0) })
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	l.stop()
	return errors.Join(all...)
}

// add makes s known and gives it an id.
func (l *Loop) add(s *Session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions == nil {
		return ErrClosed
	}
	s.id = l.next
	l.next++
	l.sessions[s.id] = s
	return nil
}

// remove forgets session id.
func (l *Loop) remove(id int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, id)
}

// acquire finds session id and holds it; nil if it ended.
func (l *Loop) acquire(id int32) *Session {
	l.mu.RLock()
	s := l.sessions[id]
	l.mu.RUnlock()
	if s == nil || !s.acquire() {
		return nil
	}
	return s
}
