// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "math/bits"

// Mask is a set of bytes of a window of WindowSize bytes: byte i is bit i%64 of
// word i/64. The byte at distance d before the output is number WindowSize-d,
// also where the window is shorter.
type Mask [WindowSize / 64]uint64

// Len is the number of bytes in the set.
func (m *Mask) Len() int {
	n := 0
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// Has reports whether byte i, 0 <= i < WindowSize, is in the set.
func (m *Mask) Has(i int) bool { return m[i/64]>>(i%64)&1 != 0 }

// Add puts the bytes from i up to end into the set,
// 0 <= i <= end <= WindowSize.
func (m *Mask) Add(i, end int) {
	for i < end {
		n := min(end-i, 64-i%64)
		m[i/64] |= ones(n) << (i % 64)
		i += n
	}
}

// HasAll reports whether all bytes from i up to end are in the set,
// 0 <= i <= end <= WindowSize.
func (m *Mask) HasAll(i, end int) bool {
	for i < end {
		n := min(end-i, 64-i%64)
		if want := ones(n) << (i % 64); m[i/64]&want != want {
			return false
		}
		i += n
	}
	return true
}

// ones is n bits, 1 <= n <= 64.
func ones(n int) uint64 { return ^uint64(0) >> (64 - n) }
