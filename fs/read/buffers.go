// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"math/bits"
	"sync"
)

// steps is how many buffer sizes there are between two powers of two; a
// buffer is at most a quarter larger than what was asked for.
const steps = 4

// buffers are byte slices to use again. The zero value is ready, safe for
// concurrent use, and lets the garbage collector have what is idle.
type buffers struct {
	pools [64 * steps]sync.Pool // of *[]byte
}

// get is a buffer of length 0 and at least capacity n.
func (b *buffers) get(n int) []byte {
	class, size := sizeClass(n)
	if p, ok := b.pools[class].Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, size)
}

// put gives back a buffer that get made.
func (b *buffers) put(buf []byte) {
	if cap(buf) == 0 {
		return
	}
	class, size := sizeClass(cap(buf))
	if size == cap(buf) {
		b.pools[class].Put(&buf)
	}
}

// sizeClass is the smallest class whose buffers hold n bytes, and their size.
func sizeClass(n int) (class, size int) {
	n = max(n, 4096)
	shift := bits.Len(uint(n-1)) - 1 // 2^shift < n <= 2^(shift+1)
	step := 1 << shift / steps
	k := (n - 1<<shift + step - 1) / step
	return shift*steps + k - 1, 1<<shift + k*step
}
