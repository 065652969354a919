// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"container/list"
	"context"
	"sync"
)

// Turns lets so many work at a time; of those that wait who is next is said by the
// order of their contexts ([WithOrder]). It is safe for concurrent use.
type Turns struct {
	mu      sync.Mutex // guards everything below
	free    int        // 0 while somebody waits
	waiting list.List  // of *waiter, by order
}

// NewTurns lets n work at a time.
func NewTurns(n int) *Turns { return &Turns{free: n} }

// Take waits for a turn, and says whether there is one: not if ctx ends before. Who
// has one must Give it back.
func (t *Turns) Take(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return true
	}
	w := &waiter{order: Order(ctx), ready: make(chan struct{})}
	place := queue(&t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
		t.leave(w, place)
		return false
	}
}

// leave takes w out of the queue, or gives the turn back that it was given
// meanwhile.
func (t *Turns) leave(w *waiter, place *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.ready:
		t.giveLocked()
	default:
		t.waiting.Remove(place)
	}
}

// Give gives a turn back.
func (t *Turns) Give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveLocked()
}

func (t *Turns) giveLocked() {
	next := t.waiting.Front()
	if next == nil {
		t.free++
		return
	}
	close(t.waiting.Remove(next).(*waiter).ready)
}
