// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"sync"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// blockSize is what a file's last bytes and a directory occupy.
const blockSize = 4096

// usage counts what the written spans occupy, without asking the file system.
type usage struct {
	mu            sync.Mutex // guards everything below
	seen          []bool     // by node: its inode is counted
	counted       []bool     // by span; nil once everything was measured
	bytes, inodes int64
}

func newUsage(tree *toc.Tree, layer span.Layer) *usage {
	return &usage{seen: make([]bool, tree.Len()+1), counted: make([]bool, layer.Len())}
}

// add counts a written span, once.
func (u *usage) add(tree *toc.Tree, sp span.Span) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counted == nil || u.counted[sp.ID] {
		return // measured, or again
	}
	u.counted[sp.ID] = true
	for id := range tree.Files(sp.OutStart, sp.OutEnd) {
		off, size := tree.Data(id)
		start, end := max(off, sp.OutStart), min(off+span.UncompressedOffset(size), sp.OutEnd)
		u.bytes += int64(end - start)
		if u.seen[id] {
			continue
		}
		u.seen[id] = true
		u.inodes++
		u.bytes += (blockSize - size%blockSize) % blockSize
		u.addParents(tree, id)
	}
}

// addParents counts the directories above id.
func (u *usage) addParents(tree *toc.Tree, id toc.NodeID) {
	for id != toc.RootID {
		id = tree.Parent(id)
		if u.seen[id] {
			return
		}
		u.seen[id] = true
		u.inodes++
		u.bytes += blockSize
	}
}

func (u *usage) total() (bytes, inodes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bytes, u.inodes
}

// measured replaces what was counted by what was found on disk.
func (u *usage) measured(bytes, inodes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bytes, u.inodes = bytes, inodes
	u.seen, u.counted = nil, nil
}
