// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// MaxRead is the largest READ that the kernel may send, in bytes.
	MaxRead = 1 << 20
	// requestBytes is the size of a request buffer: FUSE_MIN_READ_BUFFER of
	// linux/fuse.h, enough since INIT allows no WRITE over one page.
	requestBytes = 8192
	// replyBytes is the size of a worker's reply buffer. The largest replies
	// that are not READ are xattr values and lists (XATTR_SIZE_MAX, 64 KiB).
	replyBytes = 64<<10 + 4096
	// replySlack is the room a reply needs besides its payload.
	replySlack = 4096
	// keptBuffers is how many read buffers stay allocated, and populated.
	keptBuffers = 8
)

// mapLocked maps n bytes, populated and locked if the memory lock limit
// allows it (populated only otherwise).
func mapLocked(n int) ([]byte, error) {
	b, err := mapPages(n, unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	_ = unix.Mlock(b) // RLIMIT_MEMLOCK: populated pages do nearly as well
	return b, nil
}

func mapPages(n, flags int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|flags)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes for a fuse buffer: %w", n, err)
	}
	return b, nil
}

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
func (b *buffers) get(n int) ([]byte, error) {
	b.mu.Lock()
	if k := len(b.idle); k > 0 {
		buf := b.idle[k-1]
		b.idle = b.idle[:k-1]
		b.mu.Unlock()
		return buf, nil
	}
	grow := b.kept < keptBuffers
	if grow {
		b.kept++
	}
	b.mu.Unlock()
	if !grow {
		return mapPages(min(n+replySlack, MaxRead+replySlack-1), 0)
	}
	buf, err := mapLocked(MaxRead + replySlack)
	if err != nil {
		b.mu.Lock()
		b.kept--
		b.mu.Unlock()
	}
	return buf, err
}

// put takes back a buffer that get returned.
func (b *buffers) put(buf []byte) {
	if len(buf) < MaxRead+replySlack {
		_ = unix.Munmap(buf)
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
		_ = unix.Munmap(buf)
	}
	b.idle, b.kept = nil, 0
}
