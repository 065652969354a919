// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import "runtime"

// allocation is how many bytes f allocates, in total.
func allocation(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
