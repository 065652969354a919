// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/spryd/spry/fs/fetch"
)

// TestTurns: the lowest order is next, and who leaves takes no turn away.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := fetch.NewTurns(1)
		if !turns.Take(t.Context()) {
			t.Fatal("no turn")
		}
		leaving, leave := context.WithCancel(t.Context())
		took := make(chan string, 10)
		wait := func(ctx context.Context, o string) {
			go func() {
				if turns.Take(fetch.WithOrder(ctx, o)) {
					took <- o
				} else {
					took <- o + " left"
				}
			}()
			synctest.Wait()
		}
		for _, o := range []string{"d", "b", "a", "c"} {
			wait(t.Context(), o)
		}
		wait(leaving, "aa")
		leave()
		got := []string{<-took}
		for range 4 {
			turns.Give()
			got = append(got, <-took)
		}
		if want := []string{"aa left", "a", "b", "c", "d"}; !slices.Equal(got, want) {
			t.Errorf("turns %q, want %q", got, want)
		}
		if turns.Take(leaving) {
			t.Error("a turn for who has left")
		}
		for range 50 { // who gets one and leaves at the same time may have it or not
			ctx, leave := context.WithCancel(t.Context())
			wait(ctx, "e")
			leave()
			turns.Give()
			if <-took == "e" {
				continue
			}
			if !turns.Take(t.Context()) {
				t.Fatal("no turn")
			}
		}
		turns.Give()
		if free, waiting := turns.Left(); free != 1 || waiting != 0 {
			t.Errorf("%d turns are free, %d wait", free, waiting)
		}
	})
}
