// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"sync"
	"sync/atomic"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

const (
	// judged is by how many blocks it is decided whether a file is read block by
	// block, and fewest by how many at least.
	judged = 8
	fewest = 4
)

// blocks tells for large files, which are fetched block by block, whether that helps:
// who reads 4 KiB here and there of a database never comes to the rest of a block,
// which the next read has to wait for meanwhile. It does not matter whether that was
// fetched.
type blocks struct {
	read []atomic.Bool // by span: something of it was read

	mu     sync.Mutex // guards missed
	missed map[toc.NodeID][]missedBlock
}

// missedBlock is where a read missed: spans first to last, of which it wanted some.
type missedBlock struct {
	first, last span.ID
	wanted      int
}

func newBlocks(spans int) blocks {
	return blocks{read: make([]atomic.Bool, spans), missed: make(map[toc.NodeID][]missedBlock)}
}

// note notes a read of spans first to last.
func (b *blocks) note(first, last span.ID) {
	for id := first; id <= last; id++ {
		if !b.read[id].Load() { // or else all readers of a span would share a cache line
			b.read[id].Store(true)
		}
	}
}

// miss notes that a read of a file missed in a block.
func (b *blocks) miss(file toc.NodeID, m missedBlock) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.missed[file]
	if len(list) == judged {
		copy(list, list[1:])
		list = list[:judged-1]
	}
	b.missed[file] = append(list, m)
}

// help says whether what a file has around a miss will be read too: at least a
// quarter was, of the last blocks.
func (b *blocks) help(file toc.NodeID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.missed[file]
	if len(list) < fewest {
		return true
	}
	rest, used := 0, 0
	for _, m := range list {
		rest += int(m.last-m.first) + 1 - m.wanted
		used -= m.wanted
		for id := m.first; id <= m.last; id++ {
			if b.read[id].Load() {
				used++
			}
		}
	}
	return 4*used >= rest
}
