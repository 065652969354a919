// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"math"
	"slices"
	"testing"
)

// TestOrderBelow: in the order of needs, however many and deep they are.
func TestOrderBelow(t *testing.T) {
	o := expected.below(3)
	all := []order{reading, reading.below(math.MaxUint32), expected, expected.below(2), o, o.below(1), o.below(1).below(9), o.below(2), o.below(300), expected.below(4)}
	if !slices.IsSorted(all) {
		t.Errorf("%q is not sorted", all)
	}
	for range 10 * maxNeeds {
		o = o.below(1)
	}
	if len(o) > 2*maxNeeds+2 {
		t.Errorf("%d bytes", len(o))
	}
}
