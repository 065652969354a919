// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/index/span"
)

// A read must not wait for a background transfer that waits for its turn.
func TestDemandDoesNotWaitForQueuedBackground(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	sched := fetch.New(fetch.Options{Connections: 2, Reserved: 1})
	b := newBench(t, l, func(o *read.Options) { o.Scheduler = sched })
	busy, err := sched.Acquire(t.Context(), fetch.Background)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Fetch(t.Context(), fetch.Background, 0, 0) }()
	b.check(t, some)
	busy.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(b.blob.Requests()); n != 1 {
		t.Errorf("%d requests for one span", n)
	}
}

// A read of a span in a background transfer makes that demand; otherwise the
// transfer would pause for demand, and demand wait for the transfer.
func TestDemandPromotesTheTransferItJoins(t *testing.T) {
	l := layertest.New(t, 10, 8000, 2000)
	b := newBench(t, l, nil)
	release := make(chan struct{})
	b.blob.Answer(layertest.HoldAfter(10, release))
	done := make(chan error, 1)
	go func() { done <- b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) }()
	waitFor(t, func() bool { return b.sched.Active(fetch.Background) == 1 && len(b.blob.Requests()) == 1 })
	read := make(chan struct{})
	go func() {
		b.check(t, "d0/e1/file0009")
		close(read)
	}()
	waitFor(t, func() bool { return b.sched.Active(fetch.Demand) == 1 })
	close(release)
	<-read
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Background pauses between spans while somebody else's demand is active.
func TestBackgroundPausesForDemand(t *testing.T) {
	l := layertest.New(t, 10, 8000, 2000)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, l, nil)
		release := make(chan struct{})
		b.blob.Answer(layertest.HoldAfter(10, release))
		done := make(chan error, 1)
		go func() { done <- b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) }()
		synctest.Wait()
		lease, err := b.sched.Acquire(t.Context(), fetch.Demand)
		if err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		if n, _ := b.store.Missing(); n != l.Len()-1 {
			t.Errorf("%d of %d spans missing while demand is active", n, l.Len())
		}
		lease.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// With memory for few spans at a time everything still gets through.
func TestLittleMemory(t *testing.T) {
	for _, size := range []int64{1, 3000, 10_000} {
		l := layertest.New(t, 40, 8000, 2000)
		b := newBench(t, l, func(o *read.Options) {
			o.Memory = read.NewMemory(size)
			o.RunSize = 5000
		})
		done := make(chan error, 1)
		go func() { done <- b.Fetch(t.Context(), fetch.Prefetch, 0, span.ID(l.Len()-1)) }()
		b.randomReads(t, 50)
		if err := <-done; err != nil {
			t.Errorf("memory of %d bytes: %v", size, err)
		}
	}
}

// TestDemandDoesNotWaitForBulk: a span that is on its way for the background is
// demanded while others fill the memory that is not for demand.
func TestDemandDoesNotWaitForBulk(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	b := newBench(t, l, func(o *read.Options) {
		o.Memory, o.Deadline = read.NewMemory(1<<20), 2*time.Second
	})
	release, err := b.memory.HoldBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	fetched := make(chan error, 1)
	go func() { fetched <- b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) }()
	waitFor(t, func() bool { return b.Flights() == l.Len() })
	b.check(t, "d0/e0/file0000")
	release()
	if err := <-fetched; err != nil {
		t.Error(err)
	}
}
