// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"sync/atomic"
	"time"
)

// logInterval is the least time between two reports of the same kind.
const logInterval = 10 * time.Second

// limiter lets one event through each logInterval. The zero value is ready.
type limiter struct{ last atomic.Int64 } // Unix time in nanoseconds

func (l *limiter) allow() bool {
	now, last := time.Now().UnixNano(), l.last.Load()
	return now-last >= int64(logInterval) && l.last.CompareAndSwap(last, now)
}
