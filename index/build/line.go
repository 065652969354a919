// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"

	"golang.org/x/sync/semaphore"
)

const (
	// maxPieces is how many pieces are under way at once.
	maxPieces = 6
	// maxUnderWay is how many bytes the pieces under way have together; a
	// larger piece is under way alone.
	maxUnderWay = 8 << 20
)

// line is what happens to pieces behind the walker: they are hashed, in order
// and by a goroutine of its own.
type line struct {
	room   *semaphore.Weighted
	pieces chan *piece
	ended  chan struct{}
	hashes *hashes
}

// newLine starts the goroutine; close ends it. The bytes of pieces that are done
// with go to done, which it calls.
func newLine(o Options, done func([]byte)) *line {
	l := &line{
		room: semaphore.NewWeighted(maxUnderWay), hashes: newHashes(o),
		pieces: make(chan *piece, maxPieces-2), ended: make(chan struct{}),
	}
	go func() {
		defer close(l.ended)
		for p := range l.pieces {
			l.hashes.add(p)
			l.room.Release(weight(p))
			done(p.data)
		}
	}()
	return l
}

// weight is what a piece takes of maxUnderWay.
func weight(p *piece) int64 { return min(int64(len(p.data)), maxUnderWay) }

// send puts a piece on the line. It waits while there is no room, which does
// not take long: hashing waits for nothing.
func (l *line) send(p *piece) {
	_ = l.room.Acquire(context.Background(), weight(p)) // fails with its context only
	l.pieces <- p
}

// close waits for what is on the line.
func (l *line) close() {
	close(l.pieces)
	<-l.ended
}
