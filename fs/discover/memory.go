// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"container/list"
	"sync"
	"time"
)

// memory keeps the answers used last.
type memory struct {
	size int

	mu     sync.Mutex // guards the fields below
	order  *list.List // of *memo, used last in front
	lookup map[string]*list.Element
}

type memo struct {
	key    string
	answer answer
	until  time.Time // zero: for good
}

func newMemory(size int) *memory {
	return &memory{size: size, order: list.New(), lookup: map[string]*list.Element{}}
}

func (m *memory) get(key string) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.lookup[key]
	if e == nil {
		return answer{}, false
	}
	kept := e.Value.(*memo)
	if !kept.until.IsZero() && time.Now().After(kept.until) {
		m.removeLocked(e)
		return answer{}, false
	}
	m.order.MoveToFront(e)
	return kept.answer, true
}

func (m *memory) put(key string, a answer, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.lookup[key]; e != nil {
		m.removeLocked(e)
	}
	m.lookup[key] = m.order.PushFront(&memo{key: key, answer: a, until: until})
	if m.order.Len() > m.size {
		m.removeLocked(m.order.Back())
	}
}

func (m *memory) removeLocked(e *list.Element) {
	delete(m.lookup, e.Value.(*memo).key)
	m.order.Remove(e)
}
