// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"context"
	"sync"
)

// answer is the outcome of a search.
type answer struct {
	found *Found
	err   error
}

// flights runs a search once for all who want it at the same time. The first
// to come runs it, in its own goroutine; when that one is cancelled the next
// takes over.
type flights struct {
	mu     sync.Mutex // guards flying
	flying map[string]*flight
}

type flight struct {
	done     chan struct{} // closed when the fields below are set
	answer   answer
	deserted bool // the context of who ran it ended
}

// do runs search, or waits for who does.
func (f *flights) do(ctx context.Context, key string, search func() answer) answer {
	for {
		fl, first := f.board(key)
		if first {
			fl.answer = search()
			fl.deserted = ctx.Err() != nil
			f.land(key)
			close(fl.done)
			return fl.answer
		}
		select {
		case <-fl.done:
			if !fl.deserted || fl.answer.err == nil {
				return fl.answer
			}
		case <-ctx.Done():
			return answer{err: ctx.Err()}
		}
	}
}

// board finds the flight of a key or starts one.
func (f *flights) board(key string) (fl *flight, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.flying[key]; fl != nil {
		return fl, false
	}
	if f.flying == nil {
		f.flying = map[string]*flight{}
	}
	fl = &flight{done: make(chan struct{})}
	f.flying[key] = fl
	return fl, true
}

func (f *flights) land(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flying, key)
}
