// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
)

// TestTurns: the lowest order is next, and who leaves takes no turn away.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		if !turns.take(t.Context(), "z") {
			t.Fatal("no turn")
		}
		leaving, leave := context.WithCancel(t.Context())
		took := make(chan order, 10)
		wait := func(ctx context.Context, o order) {
			go func() {
				if turns.take(ctx, o) {
					took <- o
				} else {
					took <- o + " left"
				}
			}()
			synctest.Wait()
		}
		for _, o := range []order{"d", "b", "a", "c"} {
			wait(t.Context(), o)
		}
		wait(leaving, "aa")
		leave()
		got := []order{<-took}
		for range 4 {
			turns.give()
			got = append(got, <-took)
		}
		if want := []order{"aa left", "a", "b", "c", "d"}; !slices.Equal(got, want) {
			t.Errorf("turns %q, want %q", got, want)
		}
		if turns.take(leaving, "") {
			t.Error("a turn for who has left")
		}
		for range 50 { // who gets one and leaves at the same time may have it or not
			ctx, leave := context.WithCancel(t.Context())
			wait(ctx, "e")
			leave()
			turns.give()
			if <-took == "e" {
				continue
			}
			if !turns.take(t.Context(), "") {
				t.Fatal("no turn")
			}
		}
		turns.give()
		if !turns.take(t.Context(), "") || turns.free != 0 || len(turns.waiting) != 0 {
			t.Errorf("%d turns are free, %d wait", turns.free, len(turns.waiting))
		}
	})
}

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
