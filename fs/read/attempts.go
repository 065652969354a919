// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pause before the first retry of a read; it doubles up to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// attempts decides whether a caller tries once more. The zero value is ready.
type attempts struct {
	wrong int // attempts whose bytes were wrong
	pause time.Duration
}

// next says whether to try again after err, and waits as long as it should.
func (a *attempts) next(ctx context.Context, r *Reader, err error) bool {
	switch r.judge(err) {
	case fetchAgain:
		return a.again(r) || a.sleep(ctx)
	case retryLater:
		return a.sleep(ctx)
	default:
		return false
	}
}

// again says whether wrong bytes are fetched once more without a pause.
func (a *attempts) again(r *Reader) bool {
	a.wrong++
	return a.wrong < r.options.Attempts
}

// sleep pauses, half of it at random; false when ctx ended.
func (a *attempts) sleep(ctx context.Context) bool {
	a.pause = min(max(2*a.pause, firstPause), longestPause)
	timer := time.NewTimer(a.pause/2 + rand.N(a.pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
