// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"sync"
)

// keyLock is a mutex for each key. The zero value is ready.
type keyLock struct {
	mu    sync.Mutex
	locks map[string]*keyLockEntry // guarded by mu
}

type keyLockEntry struct {
	slot  chan struct{} // holds one value while unlocked
	users int           // holders and waiters, guarded by keyLock.mu
}

// Lock waits for the key or for ctx. The returned function unlocks and is
// called once.
func (l *keyLock) Lock(ctx context.Context, key string) (unlock func(), err error) {
	e := l.enter(key)
	select {
	case <-e.slot:
		return func() {
			e.slot <- struct{}{}
			l.leave(key, e)
		}, nil
	case <-ctx.Done():
		l.leave(key, e)
		return nil, context.Cause(ctx)
	}
}

func (l *keyLock) enter(key string) *keyLockEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.locks[key]
	if !ok {
		e = &keyLockEntry{slot: make(chan struct{}, 1)}
		e.slot <- struct{}{}
		if l.locks == nil {
			l.locks = make(map[string]*keyLockEntry)
		}
		l.locks[key] = e
	}
	e.users++
	return e
}

func (l *keyLock) leave(key string, e *keyLockEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(l.locks, key)
	}
}
