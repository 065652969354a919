// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// watchedBody gives up on a body that yields fewer than least bytes in window
// of waiting for it. Only time inside Read counts: a reader that is busy
// elsewhere is not the host's fault.
type watchedBody struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc // ends the request the body belongs to
	window time.Duration
	least  int64

	waited  time.Duration // in the current window
	got     int64         // in the current window
	timer   *time.Timer
	stalled atomic.Bool // the timer gave up
}

var _ io.ReadCloser = (*watchedBody)(nil)

// Read implements io.Reader.
func (w *watchedBody) Read(p []byte) (int, error) {
	start := time.Now()
	w.arm()
	n, err := w.body.Read(p)
	w.timer.Stop()
	w.got += int64(n)
	if w.waited += time.Since(start); w.waited >= w.window {
		if w.got < w.least && err == nil {
			w.cancel(errStalled)
			err = errStalled
		}
		w.waited, w.got = 0, 0
	}
	if err != nil && !errors.Is(err, io.EOF) && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// arm starts the timer that ends a Read which waits too long: what is left of
// this window, and one more when this one has had its bytes already.
func (w *watchedBody) arm() {
	left := w.window - w.waited
	if w.got >= w.least {
		left += w.window
	}
	if w.timer != nil {
		w.timer.Reset(left)
		return
	}
	w.timer = time.AfterFunc(left, func() {
		w.stalled.Store(true)
		w.cancel(errStalled)
	})
}

// Close implements io.Closer.
func (w *watchedBody) Close() error {
	err := w.body.Close()
	w.cancel(nil)
	return err
}
