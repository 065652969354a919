// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import "context"

// Lease is the right to run one transfer. Its methods are safe for concurrent
// use. The holder must call Release.
type Lease struct {
	s *Scheduler

	// class and released are guarded by s.mu.
	class    Class
	released bool
}

// Release gives the connection back. Calls after the first do nothing.
func (l *Lease) Release() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.released {
		return
	}
	l.released = true
	l.s.running[l.class]--
	l.s.settleLocked()
}

// Promote moves a running transfer to a more urgent class; it counts as that
// class from now on. A class that is not more urgent changes nothing.
func (l *Lease) Promote(c Class) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.released || c < Demand || c >= l.class {
		return
	}
	l.s.running[l.class]--
	l.class = c
	l.s.running[c]++
	l.s.settleLocked()
	l.s.wakeLocked()
}

// Class is the class the transfer counts as now.
func (l *Lease) Class() Class {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.class
}

// Yield returns at once unless the lease is of class Background and demand is
// active: then it blocks until demand has ended, the lease was promoted, or
// ctx is done, whose cause it returns. A transfer calls it at points where
// pausing costs little, such as between two spans of a body.
func (l *Lease) Yield(ctx context.Context) error {
	for {
		wait := l.mustYield()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// mustYield is nil when the transfer may go on, else a channel that is closed
// when that may have changed.
func (l *Lease) mustYield() <-chan struct{} {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.class != Background || !l.s.demandLocked() {
		return nil
	}
	return l.s.changed
}
