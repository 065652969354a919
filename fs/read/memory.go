// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"container/list"
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/spryd/spry/fs/fetch"
)

// DefaultMemory is the size of a [Memory] in bytes.
const DefaultMemory = 64 << 20

// Memory bounds the bytes that spans occupy between the network and the disk,
// over all readers that share it. A span larger than the whole is let through
// alone. Safe for concurrent use.
type Memory struct {
	size, bulk int64
	all        *semaphore.Weighted // of size
	most       *semaphore.Weighted // of bulk: what is not demand

	buffers buffers

	mu        sync.Mutex // guards everything below
	kept      list.List  // of *entry, oldest first: could not be written
	keptBytes int64
}

// NewMemory makes a memory of size bytes, DefaultMemory if that is 0.
func NewMemory(size int64) *Memory {
	if size <= 0 {
		size = DefaultMemory
	}
	bulk := max(size/4*3, 1)
	return &Memory{size: size, bulk: bulk,
		all: semaphore.NewWeighted(size), most: semaphore.NewWeighted(bulk)}
}

// grant is memory that was given out. The zero grant is empty.
type grant struct {
	memory *Memory
	bytes  int64
	bulk   bool
}

// acquire waits for n bytes.
func (m *Memory) acquire(ctx context.Context, class fetch.Class, n int64) (grant, error) {
	g := grant{memory: m, bytes: min(n, m.size), bulk: class != fetch.Demand}
	if g.bulk {
		g.bytes = min(n, m.bulk)
		if err := m.most.Acquire(ctx, g.bytes); err != nil {
			return grant{}, context.Cause(ctx)
		}
	}
	if err := m.all.Acquire(ctx, g.bytes); err != nil {
		if g.bulk {
			m.most.Release(g.bytes)
		}
		return grant{}, context.Cause(ctx)
	}
	return g, nil
}

// shrink gives back all but the first n bytes.
func (g *grant) shrink(n int64) {
	rest := g.bytes - n
	if g.memory == nil || rest <= 0 {
		return
	}
	g.bytes = n
	g.memory.all.Release(rest)
	if g.bulk {
		g.memory.most.Release(rest)
	}
}

// keep remembers a decoded span that could not be written, and returns those
// that have to go to make room for it.
func (m *Memory) keep(e *entry) (evicted []*entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.place == nil {
		e.place, e.size = m.kept.PushBack(e), int64(len(e.data))
		m.keptBytes += e.size
	}
	for m.keptBytes > m.size/4 && m.kept.Len() > 0 {
		oldest := m.kept.Front().Value.(*entry)
		m.forgetLocked(oldest)
		evicted = append(evicted, oldest)
	}
	return evicted
}

// forget takes e out of the kept spans, if it is one.
func (m *Memory) forget(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked(e)
}

func (m *Memory) forgetLocked(e *entry) {
	if e.place == nil {
		return
	}
	m.kept.Remove(e.place)
	e.place = nil
	m.keptBytes -= e.size
}
