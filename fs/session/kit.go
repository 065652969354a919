// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import "sync"

const (
	// requestBytes is the size of a request buffer: FUSE_MIN_READ_BUFFER of
	// linux/fuse.h, enough since INIT allows no WRITE over one page.
	requestBytes = 8192
	// replyBytes is the size of a kit's reply buffer. The largest replies
	// that are not READ are xattr values and lists (XATTR_SIZE_MAX, 64 KiB).
	replyBytes = 64<<10 + 4096
	// keptKits is how many kits stay allocated.
	keptKits = 16
)

// kit is what serving one request takes, except for the payload of a READ:
// populated, locked memory.
type kit struct{ mem, in, out []byte }

// kits hands out kits. Nobody blocks while having one, so there are about as
// many as CPUs. Safe for concurrent use.
type kits struct {
	mu sync.Mutex
	// idle ones, the warmest last. Guarded by mu.
	idle []*kit
}

func (p *kits) get() *kit {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		k := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return k
	}
	p.mu.Unlock()
	mem := mapLocked(requestBytes + replyBytes)
	return &kit{mem: mem, in: mem[:requestBytes], out: mem[requestBytes:]}
}

func (p *kits) put(k *kit) {
	p.mu.Lock()
	if len(p.idle) < keptKits {
		p.idle = append(p.idle, k)
		k = nil
	}
	p.mu.Unlock()
	if k != nil {
		unmap(k.mem)
	}
}

// free unmaps what is idle.
func (p *kits) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.idle {
		unmap(k.mem)
	}
	p.idle = nil
}
