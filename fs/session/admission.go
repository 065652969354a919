// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"slices"
	"sync"
)

// minCharge is what a read costs at least, in bytes: with the default limit,
// at most 1024 goroutines read at once.
const minCharge = 64 << 10

// read is one READ to be served, holding a reference of its session.
type read struct {
	session *Session
	request request
}

func (r read) charge() int64 { return max(int64(r.request.size()), minCharge) }

// verdict says what becomes of a read.
type verdict int

const (
	// run: now.
	run verdict = iota
	// queued: later, by whoever finishes a read.
	queued
	// refused: not at all, its session ended.
	refused
)

// admission decides which reads run. Safe for concurrent use.
type admission struct {
	limit int64

	mu sync.Mutex
	// bytes is the charge of running reads. Guarded by mu.
	bytes int64
	// queue is first in, first out. Guarded by mu.
	queue []read
}

// enter admits r or, when the limit is reached, queues it.
func (a *admission) enter(r read) verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.session.isEnded() {
		return refused // it may have missed drop
	}
	if !a.fits(r) || len(a.queue) > 0 {
		a.queue = append(a.queue, r)
		return queued
	}
	a.bytes += r.charge()
	return run
}

// fits says whether r may run now. A read larger than the limit runs alone.
func (a *admission) fits(r read) bool {
	return a.bytes == 0 || a.bytes+r.charge() <= a.limit
}

// leave ends r and admits from the queue what fits now.
func (a *admission) leave(r read) []read {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= r.charge()
	var next []read
	for len(a.queue) > 0 && a.fits(a.queue[0]) {
		next = append(next, a.queue[0])
		a.bytes += a.queue[0].charge()
		a.queue[0] = read{}
		a.queue = a.queue[1:]
	}
	return next
}

// find is the thread that waits for the queued read that has this id.
func (a *admission) find(s *Session, unique uint64) (thread uint32, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.indexLocked(s, unique)
	if i < 0 {
		return 0, false
	}
	return a.queue[i].request.thread(), true
}

// take removes the queued read that has this id, for an interrupt.
func (a *admission) take(s *Session, unique uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.indexLocked(s, unique)
	if i < 0 {
		return false
	}
	a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
	return true
}

// indexLocked is where the read that has this id is in the queue, or -1.
func (a *admission) indexLocked(s *Session, unique uint64) int {
	return slices.IndexFunc(a.queue, func(r read) bool { return r.session == s && r.request.unique() == unique })
}

// drop removes every queued read of s and its references.
func (a *admission) drop(s *Session) {
	a.mu.Lock()
	var kept []read
	dropped := 0
	for _, r := range a.queue {
		if r.session == s {
			dropped++
			continue
		}
		kept = append(kept, r)
	}
	a.queue = kept
	a.mu.Unlock()
	for range dropped {
		s.release()
	}
}
