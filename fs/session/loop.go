// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned by Mount on a loop that was closed.
var ErrClosed = errors.New("session loop is closed")

// Defaults of Options.
const (
	// DefaultReadBytes is how much may be asked for by reads in progress:
	// 64 reads of MaxRead bytes.
	DefaultReadBytes = 64 * MaxRead
	// DefaultUnmountGrace is how long Unmount leaves a busy mount to its users.
	DefaultUnmountGrace = 2 * time.Second
)

// Options of a Loop. The zero value means the defaults.
type Options struct {
	// ReadBytes bounds the buffer memory of reads in progress, in bytes over
	// all mounts; 0 is DefaultReadBytes.
	ReadBytes int64
	// UnmountGrace is how long Unmount waits for users of a mount before it
	// cuts them off; 0 is DefaultUnmountGrace.
	UnmountGrace time.Duration
	// ReadsOwn says that this process opens files of its own mounts, as tests
	// do. A process that does, and is killed while it waits for its own answer, cannot
	// die before a successor answers, so a server must not.
	ReadsOwn bool
	// Keeper, if set, holds the sessions for a successor of this process.
	Keeper Keeper
	// Inherited are the sessions that a keeper held when this process
	// started; New takes their files over. See Orphans.
	Inherited []Inherited
}

func (o Options) withDefaults() Options {
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
	reads   admission
	buffers buffers
	kits    kits
	serving sync.WaitGroup
	support atomic.Pointer[Support]

	mu sync.Mutex
	// sessions are the live ones; nil after Close. Guarded by mu.
	sessions map[*Session]struct{}
	// orphans are sessions of a predecessor that nobody serves yet. Guarded
	// by mu.
	orphans []orphan
	left    bool // Leave was called; guarded by mu
}

// New makes a loop. It has no goroutines before the first mount.
func New(o Options) (*Loop, error) {
	o = o.withDefaults()
	l := &Loop{
		options:  o,
		reads:    admission{limit: o.ReadBytes},
		sessions: make(map[*Session]struct{}),
	}
	l.inherit(o.Inherited)
	return l, nil
}

// Close unmounts what is still mounted, cutting off its users at once, and
// waits until every handler returned. Later calls of Mount return ErrClosed.
// Idempotent; errors are those of the unmounts.
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
	for s := range sessions {
		wg.Go(func() { errs <- s.unmount(0) })
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	l.Abandon(nil)
	l.serving.Wait()
	l.Rest()
	return nil
}

// Rest gives back the memory of requests that are not there any more. It may be called at
// any time.
func (l *Loop) Rest() {
	l.buffers.free()
	l.kits.free()
}

// start makes s known and serves it.
func (l *Loop) start(s *Session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions == nil {
		return ErrClosed
	}
	l.sessions[s] = struct{}{}
	s.refs++ // for the leader
	l.serving.Go(s.lead)
	return nil
}

// remove forgets s.
func (l *Loop) remove(s *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
}
