// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report

import "slices"

// Median is the middle value, or the mean of the two middle ones; 0 of none.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[n/2]
}

// Ratio is a/b; it is unknown (false) if b is not above 0.
func Ratio(a, b float64) (float64, bool) {
	if b <= 0 {
		return 0, false
	}
	return a / b, true
}
