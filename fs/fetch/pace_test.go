// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spryd/spry/fs/fetch"
)

// fill runs background transfers of n bytes for d and returns the bytes they
// were allowed.
func fill(t *testing.T, s *fetch.Scheduler, n int64, d time.Duration) int64 {
	t.Helper()
	var sum int64
	for end := time.Now().Add(d); time.Now().Before(end); {
		l := acquire(t, s, fetch.Background)
		take := max(min(n, l.Credit()), 1)
		l.Spend(take)
		sum += take
		time.Sleep(time.Millisecond)
		l.Release()
	}
	return sum
}

func TestBackgroundStartsSlowlyAfterDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mib = 1 << 20
		s := fetch.New(fetch.Options{})
		if got := acquire(t, s, fetch.Background); got.Credit() < 1<<40 {
			t.Errorf("before any demand: credit of %d bytes", got.Credit())
		} else {
			got.Release()
		}
		acquire(t, s, fetch.Demand).Release()
		first := fill(t, s, 4*mib, 200*time.Millisecond)
		second := fill(t, s, 4*mib, 200*time.Millisecond)
		if first < mib/2 || first > 2*mib {
			t.Errorf("first 200 ms: %d bytes", first)
		}
		if second < first*3/2 || second > first*3 {
			t.Errorf("then %d bytes, after %d: want about twice as many", second, first)
		}
		time.Sleep(5 * time.Second)
		if got := fill(t, s, 4*mib, 100*time.Millisecond); got < 50*mib {
			t.Errorf("after 5 s without demand: %d bytes in 100 ms", got)
		}
		s.Expect()
		if got := fill(t, s, 4*mib, 200*time.Millisecond); got > 2*mib {
			t.Errorf("when demand is expected: %d bytes in 200 ms", got)
		}
	})
}

func TestCreditOfOtherClasses(t *testing.T) {
	s := fetch.New(fetch.Options{})
	s.Expect()
	for _, c := range []fetch.Class{fetch.Demand, fetch.Readahead, fetch.Prefetch} {
		l := acquire(t, s, c)
		l.Spend(1 << 50)
		if got := l.Credit(); got < 1<<60 {
			t.Errorf("%v: credit of %d bytes", c, got)
		}
		l.Release()
	}
}

func TestPromotedTransferIsNotPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{})
		l := acquire(t, s, fetch.Background)
		s.Expect()
		l.Spend(1 << 30)
		if got := l.Credit(); got > 0 {
			t.Fatalf("credit of %d bytes after too much was spent", got)
		}
		l.Promote(fetch.Demand)
		if got := l.Credit(); got <= 0 {
			t.Errorf("no credit for demand: %d", got)
		}
	})
}

// TestCreditThatComesMeanwhile: background that has no credit when it asks gets
// its turn, also if it has some a moment later.
func TestCreditThatComesMeanwhile(t *testing.T) {
	s := fetch.New(fetch.Options{})
	for i := range 50_000 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		s.Expect() // the first byte is earned within a microsecond
		l, err := s.Acquire(ctx, fetch.Background)
		cancel()
		if err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
		l.Release()
	}
}
