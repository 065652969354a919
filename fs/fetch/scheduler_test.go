// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/fs/fetch"
)

// acquire takes a lease that must be free.
func acquire(t *testing.T, s *fetch.Scheduler, c fetch.Class) *fetch.Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), c)
	if err != nil {
		t.Fatalf("acquire %v: %v", c, err)
	}
	return l
}

// queue starts an Acquire that is expected to block, and reports its grant.
func queue(t *testing.T, s *fetch.Scheduler, c fetch.Class, grants chan<- *fetch.Lease) {
	t.Helper()
	go func() {
		if l, err := s.Acquire(t.Context(), c); err == nil {
			grants <- l
		}
	}()
	synctest.Wait()
}

func TestPriorityIsStrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 2, Reserved: 1})
		held := []*fetch.Lease{acquire(t, s, fetch.Demand), acquire(t, s, fetch.Readahead)}
		grants := make(chan *fetch.Lease, 8)
		for _, c := range []fetch.Class{fetch.Background, fetch.Prefetch, fetch.Readahead, fetch.Demand} {
			queue(t, s, c, grants)
		}
		var order []fetch.Class
		held[0].Release()
		held[1].Release()
		for range 4 {
			synctest.Wait()
			l := <-grants
			order = append(order, l.Class())
			l.Release()
		}
		want := []fetch.Class{fetch.Demand, fetch.Readahead, fetch.Prefetch, fetch.Background}
		// The first two are given together; their order of arrival is free.
		if order[0] == fetch.Readahead {
			order[0], order[1] = order[1], order[0]
		}
		if d := cmp.Diff(want, order); d != "" {
			t.Errorf("order of grants (-want +got):\n%s", d)
		}
	})
}

// TestOrderInAClass: what has no order is first, then the lowest, and of equal ones
// who came first.
func TestOrderInAClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 1, Reserved: 1})
		held := acquire(t, s, fetch.Readahead)
		got := make(chan string, 10)
		for _, name := range []string{"b 1", "c", "a", " 1", "b 2", " 2"} {
			order, _, _ := strings.Cut(name, " ")
			ctx := t.Context()
			if order != "" {
				ctx = fetch.WithOrder(ctx, order)
			}
			go func() {
				if l, err := s.Acquire(ctx, fetch.Readahead); err == nil {
					got <- name
					l.Release()
				}
			}()
			synctest.Wait()
		}
		held.Release()
		var order []string
		for range cap(got) - 4 {
			order = append(order, <-got)
		}
		if d := cmp.Diff([]string{" 1", " 2", "a", "b 1", "b 2", "c"}, order); d != "" {
			t.Errorf("order of grants (-want +got):\n%s", d)
		}
	})
}

func TestFirstComeFirstServedInAClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 1, Reserved: 1})
		held := acquire(t, s, fetch.Demand)
		var mu sync.Mutex
		var got []int
		for i := range 5 {
			go func() {
				l, err := s.Acquire(t.Context(), fetch.Demand)
				if err != nil {
					return
				}
				mu.Lock()
				got = append(got, i)
				mu.Unlock()
				l.Release()
			}()
			synctest.Wait()
		}
		held.Release()
		synctest.Wait()
		if d := cmp.Diff([]int{0, 1, 2, 3, 4}, got); d != "" {
			t.Errorf("order (-want +got):\n%s", d)
		}
	})
}

func TestDemandHasReservedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 4, Reserved: 2})
		grants := make(chan *fetch.Lease, 16)
		for range 6 {
			queue(t, s, fetch.Readahead, grants)
		}
		if got := s.Active(fetch.Readahead); got != 2 {
			t.Fatalf("readahead leases: got %d, want 2", got)
		}
		d1, d2 := acquire(t, s, fetch.Demand), acquire(t, s, fetch.Demand)
		d1.Release()
		d2.Release()
		for range 6 {
			(<-grants).Release()
		}
	})
}

func TestDemandMayUseEverything(t *testing.T) {
	s := fetch.New(fetch.Options{Connections: 4, Reserved: 1})
	for range 4 {
		acquire(t, s, fetch.Demand)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Acquire(ctx, fetch.Demand); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("fifth demand of four connections: got %v", err)
	}
}

func TestBackgroundGetsNoLeaseWhileDemandIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 8, Reserved: 4})
		d := acquire(t, s, fetch.Demand)
		grants := make(chan *fetch.Lease, 1)
		queue(t, s, fetch.Background, grants)
		if len(grants) != 0 {
			t.Fatal("background got a lease while demand was active")
		}
		acquire(t, s, fetch.Prefetch).Release()
		d.Release()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(grants) != 1 {
			t.Fatal("background got no lease when demand had ended")
		}
	})
}

func TestBackgroundLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 8, Reserved: 4, Background: 2})
		grants := make(chan *fetch.Lease, 8)
		for range 4 {
			queue(t, s, fetch.Background, grants)
		}
		if got := s.Active(fetch.Background); got != 2 {
			t.Errorf("background leases: got %d, want 2", got)
		}
		acquire(t, s, fetch.Prefetch).Release()
		for range 4 {
			(<-grants).Release()
		}
	})
}

func TestYield(t *testing.T) {
	tests := map[string]struct {
		class fetch.Class
		// resume is what lets the transfer go on; nil: it never paused.
		resume func(l, demand *fetch.Lease)
	}{
		"background pauses until demand ends": {fetch.Background, func(_, d *fetch.Lease) { d.Release() }},
		"background goes on when promoted":    {fetch.Background, func(l, _ *fetch.Lease) { l.Promote(fetch.Demand) }},
		"prefetch does not pause":             {fetch.Prefetch, nil},
		"readahead does not pause":            {fetch.Readahead, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fetch.New(fetch.Options{})
				l := acquire(t, s, tt.class)
				if err := l.Yield(t.Context()); err != nil {
					t.Fatalf("yield without demand: %v", err)
				}
				d := acquire(t, s, fetch.Demand)
				done := make(chan error, 1)
				go func() { done <- l.Yield(t.Context()) }()
				synctest.Wait()
				if paused := len(done) == 0; paused != (tt.resume != nil) {
					t.Fatalf("paused: got %v", paused)
				}
				if tt.resume != nil {
					tt.resume(l, d)
				}
				if err := <-done; err != nil {
					t.Errorf("yield: %v", err)
				}
			})
		})
	}
}

func TestYieldEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{})
		l := acquire(t, s, fetch.Background)
		acquire(t, s, fetch.Demand)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := l.Yield(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPromoteFreesTheSharedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 2, Reserved: 1})
		first := acquire(t, s, fetch.Prefetch)
		grants := make(chan *fetch.Lease, 1)
		queue(t, s, fetch.Prefetch, grants)
		if len(grants) != 0 {
			t.Fatal("second prefetch ran in the reserved connection")
		}
		first.Promote(fetch.Demand)
		synctest.Wait()
		if len(grants) != 1 {
			t.Fatal("promotion left the shared connection occupied")
		}
		first.Promote(fetch.Background)
		if first.Class() != fetch.Demand {
			t.Errorf("class after a demotion: %v", first.Class())
		}
	})
}

func TestCancelledAcquireLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 1, Reserved: 1})
		held := acquire(t, s, fetch.Demand)
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the reader left")
		done := make(chan error, 1)
		go func() {
			_, err := s.Acquire(ctx, fetch.Demand)
			done <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause", err)
		}
		held.Release()
		held.Release()
		if got := s.Active(fetch.Demand); got != 0 {
			t.Fatalf("leases held: %d", got)
		}
		acquire(t, s, fetch.Background).Release()
	})
}

func TestCancelledDemandLetsBackgroundGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{Connections: 2, Reserved: 1})
		b := acquire(t, s, fetch.Background)
		r := acquire(t, s, fetch.Demand)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = s.Acquire(ctx, fetch.Demand) }()
		synctest.Wait()
		r.Promote(fetch.Demand)
		cancel()
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- b.Yield(t.Context()) }()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("background went on while demand ran")
		}
		r.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestManyAtOnceStayWithinTheLimits(t *testing.T) {
	s := fetch.New(fetch.Options{Connections: 6, Reserved: 2})
	var wg sync.WaitGroup
	for i := range 200 {
		c := fetch.Class(i % 4)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			l, err := s.Acquire(ctx, c)
			if err != nil {
				return
			}
			defer l.Release()
			total := 0
			for c := fetch.Demand; c <= fetch.Background; c++ {
				total += s.Active(c)
			}
			if total > 4*6 { // four racy looks, each within the limit
				t.Errorf("%d leases of 6", total)
			}
		})
	}
	wg.Wait()
	for c := fetch.Demand; c <= fetch.Background; c++ {
		if n := s.Active(c); n != 0 {
			t.Errorf("%v: %d leases left", c, n)
		}
	}
}

func TestUnknownClass(t *testing.T) {
	s := fetch.New(fetch.Options{})
	for _, c := range []fetch.Class{-1, fetch.Background + 1} {
		if _, err := s.Acquire(t.Context(), c); err == nil {
			t.Errorf("class %d was accepted", c)
		}
		if c.String() != "unknown" {
			t.Errorf("class %d is named %q", c, c)
		}
	}
}

// TestReadaheadsWait: few readaheads run at a time, whatever is free, so that
// those that wait can become one.
func TestReadaheadsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{})
		var running []*fetch.Lease
		for range 4 {
			running = append(running, acquire(t, s, fetch.Readahead))
		}
		grants := make(chan *fetch.Lease, 1)
		queue(t, s, fetch.Readahead, grants)
		if len(grants) != 0 {
			t.Error("a fifth runs")
		}
		acquire(t, s, fetch.Demand).Release()
		running[0].Release()
		synctest.Wait()
		if len(grants) != 1 {
			t.Error("none follows one that is over")
		}
	})
}

// TestWaitIdle: it waits for transfers of every class, also those that only
// wait, and not longer than it is told.
func TestWaitIdle(t *testing.T) {
	const patience = 10 * time.Second
	for c := range fetch.Class(fetch.Classes) {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fetch.New(fetch.Options{Connections: 2, Background: 1})
				s.UsedByOthers(0)
				began := time.Now()
				if err := s.WaitIdle(t.Context(), patience); err != nil || time.Since(began) > 0 {
					t.Errorf("nothing runs: %v, after %v", err, time.Since(began))
				}
				running := []*fetch.Lease{acquire(t, s, c), acquire(t, s, fetch.Demand)}
				grants := make(chan *fetch.Lease, 1)
				queue(t, s, c, grants)
				for len(running) > 0 {
					time.AfterFunc(time.Second, running[0].Release)
					running = running[1:]
					time.Sleep(time.Second)
				}
				time.AfterFunc(time.Second, func() { (<-grants).Release() })
				if err := s.WaitIdle(t.Context(), patience); err != nil || time.Since(began) < 3*time.Second || time.Since(began) >= patience {
					t.Errorf("transfers ran for 3 s: %v, after %v", err, time.Since(began))
				}
				defer acquire(t, s, c).Release()
				began = time.Now()
				if err := s.WaitIdle(t.Context(), patience); err != nil || time.Since(began) != patience {
					t.Errorf("transfers do not end: %v, after %v", err, time.Since(began))
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errGone)
				defer cancel()
				if err := s.WaitIdle(ctx, patience); !errors.Is(err, errGone) {
					t.Errorf("error %v when the context ends, want %v", err, errGone)
				}
			})
		})
	}
}

// TestInTurn: one at a time, whatever becomes of it, and who gives up does not wait.
func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fetch.New(fetch.Options{})
		began, ran := time.Now(), make(chan time.Duration, 2)
		for range cap(ran) {
			go func() {
				err := s.InTurn(t.Context(), func(context.Context) error {
					time.Sleep(2 * time.Second)
					return io.ErrUnexpectedEOF
				})
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("error %v, want that of the work", err)
				}
				ran <- time.Since(began)
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errGone)
		defer cancel()
		err := s.InTurn(ctx, func(context.Context) error { t.Error("two at a time"); return nil })
		if !errors.Is(err, errGone) || time.Since(began) != time.Second {
			t.Errorf("error %v after %v, want %v", err, time.Since(began), errGone)
		}
		if first, second := <-ran, <-ran; first != 2*time.Second || second != 4*time.Second {
			t.Errorf("over after %v and %v", first, second)
		}
	})
}

var errGone = errors.New("nobody needs it")
