// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"bytes"
	"context"
	"os"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Block is how many spans of a large file are fetched at a time.
const Block = block

// Streams exposes the detection of sequential readers.
type Streams struct{ s streams }

// Next notes a read of a file that ends at fileEnd, and returns what to read
// ahead.
func (s *Streams) Next(start, end, fileEnd int64) (from, to int64) {
	a, b := s.s.next(span.UncompressedOffset(start), span.UncompressedOffset(end), span.UncompressedOffset(fileEnd))
	return int64(a), int64(b)
}

// SizeClass exposes the sizes of buffers.
func SizeClass(n int) (class, size int) { return sizeClass(n) }

// Flights is how many spans are in flight or in memory.
func (r *Reader) Flights() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.flights)
}

// Ahead is how many readaheads run.
func (r *Reader) Ahead() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ahead
}

// Free says whether all of the memory is free.
func (m *Memory) Free() bool {
	if !m.all.TryAcquire(m.size) {
		return false
	}
	m.all.Release(m.size)
	if !m.most.TryAcquire(m.bulk) {
		return false
	}
	m.most.Release(m.bulk)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept.Len() == 0 && m.keptBytes == 0
}

// ReadStored fills p with what file id has from its beginning on, from the store
// alone.
func (r *Reader) ReadStored(id toc.NodeID, p []byte, first, last span.ID) error {
	return r.readStored(id, p, 0, first, last)
}

// HoldBulk takes all the memory that is not for demand, until release is called.
func (m *Memory) HoldBulk(ctx context.Context) (release func(), err error) {
	g, err := m.acquire(ctx, fetch.Background, m.bulk)
	return func() { g.shrink(0) }, err
}

// KeptBytes is the size of the spans that could not be written.
func (m *Memory) KeptBytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keptBytes
}

// Staged is how many spans wait on the stage.
func (r *Reader) Staged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.staged)
}

// StageBytes is how much of the stage is in use.
func (r *Reader) StageBytes() int64 {
	r.stage.mu.Lock()
	defer r.stage.mu.Unlock()
	return r.stage.bytes
}

// LoseStage makes what is staged impossible to read.
func (r *Reader) LoseStage() error {
	r.stage.mu.Lock()
	defer r.stage.mu.Unlock()
	empty, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = r.stage.file.Close()
	r.stage.file = empty
	return err
}

// OverwriteStage makes the first n bytes of the stage others.
func (r *Reader) OverwriteStage(n int64) error {
	r.stage.mu.Lock()
	defer r.stage.mu.Unlock()
	_, err := r.stage.file.WriteAt(bytes.Repeat([]byte{1}, int(n)), 0)
	return err
}

// FillStage leaves no room on the stage.
func (r *Reader) FillStage() {
	r.stage.mu.Lock()
	defer r.stage.mu.Unlock()
	r.stage.bytes = maxStaged
}

// Wants is how many fetches wait for a lease.
func (r *Reader) Wants() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.wants)
}
