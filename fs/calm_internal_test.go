// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestHeapIsLimited: the limit is far below the machine's memory, and follows
// what lives, so that the collector never runs all the time.
func TestHeapIsLimited(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	runtime.GC()
	limitHeap()
	if got := debug.SetMemoryLimit(-1); got < leastHeap || got > 3*leastHeap {
		t.Errorf("limit of %d bytes", got)
	}
	live := make([]byte, 4*leastHeap)
	runtime.GC()
	limitHeap()
	if got := debug.SetMemoryLimit(-1); got < int64(len(live))*5/4 {
		t.Errorf("limit of %d bytes while %d live", got, len(live))
	}
	runtime.KeepAlive(live)
	runtime.GC()
	limitHeap()
	if got := debug.SetMemoryLimit(-1); got > 3*leastHeap {
		t.Errorf("limit of %d bytes when nothing lives any more", got)
	}
}
