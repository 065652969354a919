// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

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
		began := time.Now()
		acquire(t, s, fetch.Background).Release()
		if waited := time.Since(began); waited < 300*time.Millisecond || waited > 600*time.Millisecond {
			t.Errorf("the first transfer began after %v", waited)
		}
		first := fill(t, s, 4*mib, 200*time.Millisecond)
		second := fill(t, s, 4*mib, 200*time.Millisecond)
		if first < 4*mib || first > 12*mib {
			t.Errorf("first 200 ms: %d bytes", first)
		}
		if second <= first || second > first*3 {
			t.Errorf("then %d bytes, after %d: want about twice as many", second, first)
		}
		time.Sleep(5 * time.Second)
		if got := fill(t, s, 4*mib, 100*time.Millisecond); got < 50*mib {
			t.Errorf("after 5 s without demand: %d bytes in 100 ms", got)
		}
		s.Expect()
		began = time.Now()
		acquire(t, s, fetch.Background).Release()
		if waited := time.Since(began); waited < 300*time.Millisecond {
			t.Errorf("when demand is expected: began after %v", waited)
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
	var group errgroup.Group
	for range 2000 {
		group.Go(func() error {
			s := fetch.New(fetch.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s.Expect()
			first, err := s.Acquire(ctx, fetch.Background)
			if err != nil {
				return err
			}
			first.Spend(first.Credit() - 4<<20 + 1) // the last byte is earned within a microsecond
			first.Release()
			second, err := s.Acquire(ctx, fetch.Background)
			if err == nil {
				second.Release()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
