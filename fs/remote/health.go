// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"slices"
	"sync"
	"time"
)

// How long a failing host is tried last: doubled with every failure in a row.
const (
	minPenalty = time.Second
	maxPenalty = time.Minute
)

// health remembers which hosts failed lately. It only orders: a host is never
// left out.
type health struct {
	mu    sync.Mutex // guards hosts
	hosts map[string]*penalty
}

type penalty struct {
	length time.Duration
	until  time.Time
}

func newHealth() *health { return &health{hosts: map[string]*penalty{}} }

// order puts hosts that failed lately behind the others, the one that may
// come back first in front.
func (h *health) order(ts []target) []target {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	until := func(t target) time.Time {
		if p := h.hosts[t.key()]; p != nil && p.until.After(now) {
			return p.until
		}
		return time.Time{}
	}
	ts = slices.Clone(ts)
	slices.SortStableFunc(ts, func(a, b target) int { return until(a).Compare(until(b)) })
	return ts
}

// good ends the penalty of a host.
func (h *health) good(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.hosts, key)
}

// bad puts a host last for a while, at least for what it asked for.
func (h *health) bad(key string, asked time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.hosts[key]
	if p == nil {
		p = &penalty{}
		h.hosts[key] = p
	}
	p.length = min(max(2*p.length, minPenalty, asked), maxPenalty)
	p.until = time.Now().Add(p.length)
}
