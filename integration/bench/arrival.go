// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"time"
)

// arrival watches the bytes that cross a line until all of an image has.
//
// A lazy snapshotter does not say when it is done, so its line does: nearly
// all compressed bytes have crossed it, and then nothing for some seconds.
type arrival struct {
	// bytes is how many have crossed so far, want how many are expected.
	bytes func() int64
	want  int64
	// timeout is how long to wait.
	timeout time.Duration
	// quiet and poll are for tests; 0 stands for 3 s and 20 ms.
	quiet, poll time.Duration
}

// wait returns when the last byte came, or a zero time if the timeout ran out
// before, and how many bytes there were then.
func (a arrival) wait(ctx context.Context) (time.Time, int64) {
	if a.quiet == 0 {
		a.quiet, a.poll = 3*time.Second, 20*time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	tick := time.NewTicker(a.poll)
	defer tick.Stop()
	seen, last := a.bytes(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, seen
		case now := <-tick.C:
			if n := a.bytes(); n != seen {
				seen, last = n, now
			}
			if float64(seen) >= 0.98*float64(a.want) && now.Sub(last) >= a.quiet {
				return last, seen
			}
		}
	}
}
