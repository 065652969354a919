// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"container/heap"
	"context"
	"encoding/binary"
	"sync"
)

// order is when a file is read in a start; what is read first is the lowest. Loaders
// and interpreters read what a file needs one after the other, each with all that
// it needs itself: so it has two bytes for each step from the start to the file.
// Else what a script imports last would be fetched before what its first import
// needs.
type order string

const (
	// What a file needs that a container reads now comes before the start that is
	// expected at a pull.
	reading  order = "\x00"
	expected order = "\x01"
	// maxNeeds is how many steps are told apart; what is below has the order of the last.
	maxNeeds = 64
)

// below is the order of the n-th that a file at o needs.
func (o order) below(n uint32) order {
	if len(o) > 2*maxNeeds {
		return o
	}
	return o + order(binary.BigEndian.AppendUint16(nil, uint16(min(n, 1<<16-1))))
}

// turns lets so many work at a time; of those that wait the lowest order is next.
// It is safe for concurrent use.
type turns struct {
	mu      sync.Mutex // guards everything below
	free    int        // 0 while somebody waits
	waiting queue
}

func newTurns(n int) *turns { return &turns{free: n} }

// take waits for a turn, unless ctx ends before. Who has one must give it back.
func (t *turns) take(ctx context.Context, o order) bool {
	if ctx.Err() != nil {
		return false
	}
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return true
	}
	w := &waiter{order: o, ready: make(chan struct{})}
	heap.Push(&t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
		t.mu.Lock()
		waits := w.at >= 0
		if waits {
			heap.Remove(&t.waiting, w.at)
		}
		t.mu.Unlock()
		if !waits {
			t.give()
		}
		return false
	}
}

// give gives a turn back.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.free++
		return
	}
	close(heap.Pop(&t.waiting).(*waiter).ready)
}

// waiter waits for a turn.
type waiter struct {
	order order
	ready chan struct{}
	at    int // in the queue, or -1
}

// queue is a [heap.Interface], the lowest order first.
type queue []*waiter

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].order < q[j].order }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *queue) Push(x any) {
	w := x.(*waiter)
	w.at = len(*q)
	*q = append(*q, w)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	w.at = -1
	return w
}
