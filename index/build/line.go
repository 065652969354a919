// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

const (
	// maxPieces is how many pieces are under way at once.
	maxPieces = 6
	// maxUnderWay is how many bytes, compressed and decoded, the pieces under
	// way have together; a larger piece is under way alone.
	maxUnderWay = 12 << 20
)

// line is what happens to pieces behind the walker: they are proven, then
// hashed, each in order and by a goroutine of its own.
type line struct {
	group  *errgroup.Group
	ctx    context.Context // ends with the first error; of this line only
	room   *semaphore.Weighted
	proof  chan *piece
	hash   chan *piece
	prover *prover
	hashes *hashes
}

// newLine starts the goroutines; close ends them. Pieces that are done with
// go to done, which any goroutine may call.
func newLine(ctx context.Context, o Options, done func(*piece)) *line {
	l := &line{
		room: semaphore.NewWeighted(maxUnderWay), prover: newProver(o.Compression), hashes: newHashes(o),
		proof: make(chan *piece, maxPieces-4), hash: make(chan *piece, 1),
	}
	l.group, l.ctx = errgroup.WithContext(ctx)
	l.group.Go(func() error {
		defer close(l.hash)
		for piece := range l.proof {
			if err := l.prover.prove(piece); err != nil {
				return err
			}
			select {
			case l.hash <- piece:
			case <-l.ctx.Done():
				return l.ctx.Err()
			}
		}
		return nil
	})
	l.group.Go(func() error {
		for piece := range l.hash {
			l.hashes.add(piece)
			l.room.Release(weight(piece))
			done(piece)
		}
		return nil
	})
	return l
}

// weight is what a piece takes of maxUnderWay.
func weight(p *piece) int64 { return min(int64(len(p.data))+p.size, maxUnderWay) }

// send puts a piece on the line. It waits while there is no room.
func (l *line) send(p *piece) error {
	if err := l.room.Acquire(l.ctx, weight(p)); err != nil {
		return err
	}
	select {
	case l.proof <- p:
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

// close waits for what is on the line, and returns the first error of it.
func (l *line) close() error {
	close(l.proof)
	return l.group.Wait()
}
