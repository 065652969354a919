// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// MaxRead is the largest READ that the kernel may send, in bytes.
	MaxRead = 1 << 20
	// replySlack is the room a reply needs besides its payload.
	replySlack = 4096
	// keptBuffers is how many read buffers stay allocated, and populated.
	keptBuffers = 8
)

// mapLocked maps n bytes, populated, and locked if the memory lock limit
// allows it; populated pages do nearly as well.
func mapLocked(n int) []byte {
	b := mapPages(n, unix.MAP_POPULATE)
	_ = unix.Mlock(b)
	return b
}

// mapPages maps n bytes. Without memory for that it asks Go's heap, which
// unmap leaves alone: a mount must not end for want of a buffer.
func mapPages(n, flags int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|flags)
	if err != nil {
		return make([]byte, n)
	}
	return b
}

// unmap frees what mapPages returned.
func unmap(b []byte) { _ = unix.Munmap(b) } // EINVAL: it came from the heap

// buffers hands out reply buffers of reads. How much is out at once is the
// business of admission. Safe for concurrent use.
type buffers struct {
	mu sync.Mutex
	// idle are buffers of MaxRead+replySlack bytes. Guarded by mu.
	idle [][]byte
	// kept is how many such buffers exist. Guarded by mu.
	kept int
}

// get returns a buffer for a reply of n payload bytes. The first keptBuffers
// are populated and reused; others are as small as they can be, cost memory
// only where they are written, and are unmapped by put.
func (b *buffers) get(n int) []byte {
	b.mu.Lock()
	if k := len(b.idle); k > 0 {
		buf := b.idle[k-1]
		b.idle = b.idle[:k-1]
		b.mu.Unlock()
		return buf
	}
	grow := b.kept < keptBuffers
	if grow {
		b.kept++
	}
	b.mu.Unlock()
	if grow {
		return mapLocked(MaxRead + replySlack)
	}
	return mapPages(min(n+replySlack, MaxRead+replySlack-1), 0)
}

// put takes back a buffer that get returned.
func (b *buffers) put(buf []byte) {
	if len(buf) < MaxRead+replySlack {
		unmap(buf)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle = append(b.idle, buf)
}

// free unmaps what is idle.
func (b *buffers) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, buf := range b.idle {
		unmap(buf)
	}
	b.idle, b.kept = nil, b.kept-len(b.idle)
}
