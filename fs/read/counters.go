// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"sync/atomic"

	"github.com/spryd/spry/fs/fetch"
)

// Counters count what the readers of a host did since the process began. All
// fields may be read at any time.
type Counters struct {
	// Waited are reads that the store could not answer, and WaitNanos how
	// long they took in all; Waiting are those that wait now.
	Waited, WaitNanos, Waiting atomic.Int64
	// Slow are reads that waited longer than Options.Slow, Failed those that
	// ended with an error other than the reader's own end.
	Slow, Failed atomic.Int64
	// WrongSpans are spans whose bytes were not what the index says.
	WrongSpans atomic.Int64

	fetched [fetch.Classes]atomic.Int64
}

// Fetched is how many verified bytes of blobs runs of class c brought.
func (c *Counters) Fetched(class fetch.Class) int64 { return c.fetched[class].Load() }
