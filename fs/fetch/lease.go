// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"context"
	"math"
	"time"
)

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
	if l.class == Demand || l.class == Readahead {
		l.s.pace.restart(time.Now(), false)
	}
	l.s.settleLocked()
}

// Credit is how many bytes the transfer should fetch at most, in one request.
// Only of Background it is not all: when demand was active a short while ago.
func (l *Lease) Credit() int64 {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.class != Background {
		return math.MaxInt64
	}
	return l.s.pace.credit(time.Now())
}

// Spend says how many bytes the transfer is going to fetch.
func (l *Lease) Spend(n int64) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.class == Background {
		l.s.pace.spent += float64(n)
	}
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

// Yield returns at once unless the lease is of class Background. Then it blocks
// while demand is active, and for a moment where other processes want
// the CPUs that the running background transfers need. It ends early when the
// lease was promoted, or ctx is done, whose cause it returns. A transfer
// calls it at points where pausing costs little, such as between two spans of a body.
func (l *Lease) Yield(ctx context.Context) error {
	held := time.Now()
	for {
		wait, again := l.mustYield(held)
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-again:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// mustYield is nil when the transfer may go on, else a channel that is closed
// when that may have changed, and one that says when to look again.
func (l *Lease) mustYield(held time.Time) (wait <-chan struct{}, again <-chan time.Time) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	switch {
	case l.class != Background:
		return nil, nil
	case l.s.demandLocked():
		return l.s.changed, nil
	case l.s.crowdedLocked() && time.Since(held) < computing:
		return l.s.changed, time.After(idleWindow)
	}
	return nil, nil
}
