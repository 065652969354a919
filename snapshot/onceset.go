// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import "sync"

// maxOnce bounds the keys a onceSet remembers.
const maxOnce = 1024

// onceSet remembers keys and forgets the least recently seen ones. The zero
// value is ready.
type onceSet struct {
	mu   sync.Mutex
	seen map[string]uint64 // key to the time it was seen; guarded by mu
	now  uint64            // guarded by mu
}

// First says whether the key is not remembered, and remembers it.
func (o *onceSet) First(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, known := o.seen[key]
	if o.seen == nil {
		o.seen = make(map[string]uint64)
	}
	o.now++
	o.seen[key] = o.now
	if len(o.seen) > maxOnce {
		o.evictLocked()
	}
	return !known
}

func (o *onceSet) evictLocked() {
	oldest, at := "", o.now
	for k, t := range o.seen {
		if t < at {
			oldest, at = k, t
		}
	}
	delete(o.seen, oldest)
}
