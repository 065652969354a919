// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layertest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
)

// Fail answers every request with err.
func Fail(err error) Answer {
	return func(context.Context, Request, []byte) (io.ReadCloser, error) { return nil, err }
}

// Corrupt flips a bit of the first byte in the first times bodies.
func Corrupt(times int) Answer {
	var mu sync.Mutex
	return func(_ context.Context, _ Request, proper []byte) (io.ReadCloser, error) {
		mu.Lock()
		defer mu.Unlock()
		if times--; times >= 0 {
			proper = slices.Clone(proper)
			proper[0] ^= 1
		}
		return io.NopCloser(bytes.NewReader(proper)), nil
	}
}

// Hold waits for until, or the end of the request, before each right body.
func Hold(until <-chan struct{}) Answer {
	return func(ctx context.Context, _ Request, proper []byte) (io.ReadCloser, error) {
		select {
		case <-until:
			return io.NopCloser(bytes.NewReader(proper)), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// HoldAfter gives the first n bytes of each body at once and the rest after
// until.
func HoldAfter(n int, until <-chan struct{}) Answer {
	return func(ctx context.Context, _ Request, proper []byte) (io.ReadCloser, error) {
		n := min(n, len(proper))
		rest := &held{ctx: ctx, until: until, r: bytes.NewReader(proper[n:])}
		return io.NopCloser(io.MultiReader(bytes.NewReader(proper[:n]), rest)), nil
	}
}

// Cut ends each body with err after n bytes.
func Cut(n int, err error) Answer {
	return func(_ context.Context, _ Request, proper []byte) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(proper[:min(n, len(proper))]), &failing{err})), nil
	}
}

// held is a reader that begins later.
type held struct {
	ctx   context.Context // of the request
	until <-chan struct{}
	r     io.Reader
}

// Read implements io.Reader.
func (h *held) Read(p []byte) (int, error) {
	select {
	case <-h.until:
		return h.r.Read(p)
	case <-h.ctx.Done():
		return 0, context.Cause(h.ctx)
	}
}

// failing is a reader that fails.
type failing struct{ err error }

// Read implements io.Reader.
func (f *failing) Read([]byte) (int, error) { return 0, f.err }
