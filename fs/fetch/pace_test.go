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
		s.UsedByOthers(1)
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

// TestDemandThatDoesNotEnd: background gets the time between two reads in the end,
// also on a host where one start follows the other, but not in the first seconds.
func TestDemandThatDoesNotEnd(t *testing.T) {
	for name, starts := range map[string]bool{"reads": false, "starts": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const mib = 1 << 20
				s := fetch.New(fetch.Options{})
				s.UsedByOthers(2)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var readers errgroup.Group
				readers.Go(func() error {
					for n := 0; ctx.Err() == nil; n++ {
						if n == 0 || starts && n%10 == 0 {
							s.Expect()
						}
						l, err := s.Acquire(ctx, fetch.Demand)
						if err != nil {
							return nil
						}
						time.Sleep(15 * time.Millisecond)
						l.Release()
						time.Sleep(285 * time.Millisecond)
					}
					return nil
				})
				began := time.Now()
				var first time.Duration
				var sum int64
				for {
					l, err := s.Acquire(ctx, fetch.Background)
					if err != nil {
						break
					}
					if first == 0 {
						first = time.Since(began)
					}
					take := max(min(4*mib, l.Credit()), 1)
					l.Spend(take)
					sum += take
					time.Sleep(32 * time.Millisecond) // 1 Gbit/s
					l.Release()
				}
				if err := readers.Wait(); err != nil {
					t.Error(err)
				}
				if first < 9*time.Second || first > 12*time.Second {
					t.Errorf("began after %v", first)
				}
				if sum < 2000*mib { // a third of the line
					t.Errorf("%d MiB in a minute", sum/mib)
				}
			})
		})
	}
}

// TestBackgroundStartsAtOnceWhereNothingStarts: CPUs that nobody uses say that
// no program is busy with what it has read.
func TestBackgroundStartsAtOnceWhereNothingStarts(t *testing.T) {
	for _, c := range []struct {
		others float64
		atOnce bool
	}{{0, true}, {0.2, true}, {0.5, false}, {2, false}} {
		synctest.Test(t, func(t *testing.T) {
			s := fetch.New(fetch.Options{})
			s.UsedByOthers(c.others)
			time.Sleep(time.Second)
			for range 2 { // also the next time
				acquire(t, s, fetch.Demand).Release()
				began := time.Now()
				acquire(t, s, fetch.Background).Release()
				if waited := time.Since(began); (waited < 300*time.Millisecond) != c.atOnce || waited < 80*time.Millisecond {
					t.Errorf("others use %v CPUs: the first transfer began after %v", c.others, waited)
				}
				if got := fill(t, s, 4<<20, 200*time.Millisecond); (got > 50<<20) != c.atOnce {
					t.Errorf("others use %v CPUs: %d bytes in the first 200 ms", c.others, got)
				}
			}
		})
	}
}

// TestDemandHoldsBackgroundBack: as long as something is fetched for a reader,
// unused CPUs say nothing.
func TestDemandHoldsBackgroundBack(t *testing.T) {
	for _, class := range []fetch.Class{fetch.Demand, fetch.Readahead} {
		synctest.Test(t, func(t *testing.T) {
			s := fetch.New(fetch.Options{})
			s.UsedByOthers(0)
			s.Expect()
			read := acquire(t, s, class)
			defer read.Release()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := s.Acquire(ctx, fetch.Background); err == nil {
				t.Errorf("%v: background began", class)
			}
		})
	}
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
