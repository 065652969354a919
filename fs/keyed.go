// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"
)

// keyed is one lock a digest. The zero value is ready.
type keyed struct {
	mu    sync.Mutex // guards locks
	locks map[digest.Digest]*keyLock
}

// keyLock is the lock of one digest; it exists while somebody has or wants it.
type keyLock struct {
	held  chan struct{} // of capacity 1
	users int           // guarded by keyed.mu
}

// lock waits for the lock of d, or for the end of ctx.
func (k *keyed) lock(ctx context.Context, d digest.Digest) (unlock func(), err error) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = make(map[digest.Digest]*keyLock)
	}
	l := k.locks[d]
	if l == nil {
		l = &keyLock{held: make(chan struct{}, 1)}
		k.locks[d] = l
	}
	l.users++
	k.mu.Unlock()
	select {
	case l.held <- struct{}{}:
		return func() {
			<-l.held
			k.leave(d, l)
		}, nil
	case <-ctx.Done():
		k.leave(d, l)
		return nil, context.Cause(ctx)
	}
}

func (k *keyed) leave(d digest.Digest, l *keyLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, d)
	}
}
