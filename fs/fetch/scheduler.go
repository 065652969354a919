// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// DefaultConnections is how many transfers run at a time unless [Options] say
// otherwise.
const DefaultConnections = 16

// DefaultBackground is how many of them may be of class Background.
const DefaultBackground = 3

// parallelAhead is how many transfers of class Readahead run at a time: those
// that wait meanwhile become one where their bytes are neighbours.
const parallelAhead = 4

const (
	// calmAfter is how long demand must be over for a start to be.
	calmAfter = 500 * time.Millisecond
	// computing is for how long after demand a process may use the CPUs for
	// what it has read, so that background keeps off them. No transfer is held
	// longer for that: a host where demand does not end gets there too.
	computing = 2 * time.Second
	// unusedBelow is how much of one CPU others may use that nothing starts.
	unusedBelow = 0.3
)

// Options configure a [Scheduler]. Zero values give the documented defaults.
type Options struct {
	// Connections is how many transfers may run at a time
	// (DefaultConnections).
	Connections int
	// Reserved is how many of them only demand may use (half of
	// Connections). At least one connection is left to the other classes.
	Reserved int
	// Background is how many transfers of class Background may run at a time
	// (3: enough to fill a line, few enough not to crowd demand out of it).
	Background int
}

// Scheduler hands out leases by class. It is safe for concurrent use and owns
// no goroutine.
type Scheduler struct {
	connections, shared, background int
	turn                            chan struct{} // has an element while InTurn works

	// mu guards everything below, and the fields of leases.
	mu      sync.Mutex
	running [classes]int
	waiting [classes]list.List // of *waiter, by order
	changed chan struct{}      // closed and replaced by wakeLocked
	pace    pace               // of Background
	alarm   *time.Timer        // settles when pace has credit again; nil: not set
	idle    idle
}

// waiter is one Acquire that could not be answered at once.
type waiter struct {
	order string // see WithOrder
	ready chan struct{}
	lease *Lease // set before ready is closed
}

// New makes a scheduler.
func New(o Options) *Scheduler {
	if o.Connections <= 0 {
		o.Connections = DefaultConnections
	}
	if o.Reserved <= 0 {
		o.Reserved = o.Connections / 2
	}
	shared := max(o.Connections-o.Reserved, 1)
	if o.Background <= 0 {
		o.Background = DefaultBackground
	}
	return &Scheduler{
		connections: o.Connections,
		shared:      shared,
		background:  min(o.Background, shared),
		changed:     make(chan struct{}),
		turn:        make(chan struct{}, 1),
	}
}

// Acquire waits for the right to run a transfer of class c, in the order of ctx if
// it has one (WithOrder). The error is the cause of ctx's end; then there is no
// lease to release.
func (s *Scheduler) Acquire(ctx context.Context, c Class) (*Lease, error) {
	if c < Demand || c >= classes {
		return nil, fmt.Errorf("fetch class %d: unknown", c)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w := &waiter{order: Order(ctx), ready: make(chan struct{})}
	s.mu.Lock()
	place := queue(&s.waiting[c], w)
	s.settleLocked()
	s.mu.Unlock()
	select {
	case <-w.ready:
		return w.lease, nil
	case <-ctx.Done():
		s.abandon(c, place)
		return nil, context.Cause(ctx)
	}
}

// abandon takes a waiter out of its queue, or gives back the lease that it was
// given meanwhile.
func (s *Scheduler) abandon(c Class, place *list.Element) {
	w := place.Value.(*waiter)
	s.mu.Lock()
	lease := w.lease
	if lease == nil {
		s.waiting[c].Remove(place)
		s.settleLocked()
	}
	s.mu.Unlock()
	if lease != nil {
		lease.Release()
	}
}

// Active is how many transfers of class c hold a lease.
func (s *Scheduler) Active(c Class) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[c]
}

// Expect says that demand is about to begin, as when a layer was mounted just
// now: background starts slowly.
func (s *Scheduler) Expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.restart(time.Now(), true)
}

// Calm says whether no demand, and nothing ahead of demand, was active for a
// while: no container starts.
func (s *Scheduler) Calm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.readingLocked() && time.Since(s.pace.ended) >= calmAfter
}

// WaitIdle waits until no transfer runs or waits, but at most for patience: for
// work that would be in the way of transfers. Its error is that of ctx.
func (s *Scheduler) WaitIdle(ctx context.Context, patience time.Duration) error {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for {
		changed := s.busy()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-enough.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// InTurn calls work when no other work of InTurn runs: for what nobody waits for, so
// that programs have the CPUs. Its error is that of work, or of ctx.
func (s *Scheduler) InTurn(ctx context.Context, work func(context.Context) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	return work(ctx)
}

// busy is nil if no transfer runs or waits, and otherwise closed when that may
// have changed.
func (s *Scheduler) busy() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range classes {
		if s.running[c] > 0 || s.waiting[c].Len() > 0 {
			return s.changed
		}
	}
	return nil
}

// settleLocked gives out every lease that may be given, most urgent first, and
// wakes what waits for demand to end.
func (s *Scheduler) settleLocked() {
	now := time.Now() // one for all: credit that comes meanwhile is the alarm's business
	for c := Demand; c < classes; c++ {
		q := &s.waiting[c]
		for q.Len() > 0 && s.mayRunLocked(c, now) {
			w := q.Remove(q.Front()).(*waiter)
			s.running[c]++
			w.lease = &Lease{s: s, class: c}
			close(w.ready)
		}
		if q.Len() > 0 {
			break // strict: nothing less urgent overtakes
		}
	}
	if !s.demandLocked() {
		s.wakeLocked()
		s.setAlarmLocked(now)
	}
}

// readingLocked says whether anything is fetched for readers or ahead of them, or
// waits for that.
func (s *Scheduler) readingLocked() bool {
	for _, c := range []Class{Demand, Readahead} {
		if s.running[c] > 0 || s.waiting[c].Len() > 0 {
			return true
		}
	}
	return false
}

// unusedLocked says whether nothing starts that background would be in the way
// of: nobody demands, and others leave all CPUs.
func (s *Scheduler) unusedLocked() bool {
	return !s.readingLocked() && s.idle.measuredSince(s.pace.since) && s.idle.cpusLeft() >= s.idle.cpus-unusedBelow
}

// setAlarmLocked settles again when background may go on that had no credit at
// now.
func (s *Scheduler) setAlarmLocked(now time.Time) {
	if s.alarm != nil || s.waiting[Background].Len() == 0 || s.pace.open(now) {
		return
	}
	s.alarm = time.AfterFunc(min(s.pace.opens(now), idleWindow), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.alarm = nil
		if s.pace.lead == 0 && s.unusedLocked() {
			s.pace.lead = paceLead
		}
		s.settleLocked()
	})
}

// wakeLocked lets every Yield look again.
func (s *Scheduler) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// demandLocked says whether a demand transfer runs or waits.
func (s *Scheduler) demandLocked() bool {
	return s.running[Demand] > 0 || s.waiting[Demand].Len() > 0
}

// crowdedLocked says whether more background transfers run than others leave
// CPUs for that may be starting. Where they left all of them since there was
// demand, what they use now is not for a start, but it may be what these
// transfers cost the kernel, or a registry on this host.
func (s *Scheduler) crowdedLocked() bool {
	if s.pace.lead > 0 || time.Since(s.pace.since) >= computing {
		return false
	}
	left := s.idle.cpusLeft()
	return s.running[Background] > roomFor(s.background, left, s.idle.cpus)
}

// roomFor is how many of all background transfers may run where others leave
// some of the CPUs: one for each that is left, and all where all are, as a
// transfer waits for its line too.
func roomFor(all int, left, cpus float64) int {
	return int(max(left, left/cpus*float64(all)) + 0.5)
}

// mayRunLocked says whether one more transfer of class c fits at now.
func (s *Scheduler) mayRunLocked(c Class, now time.Time) bool {
	total := 0
	for _, n := range s.running {
		total += n
	}
	switch {
	case total >= s.connections:
		return false
	case c == Demand:
		return true
	case total-s.running[Demand] >= s.shared:
		return false
	case c == Readahead:
		return s.running[Readahead] < parallelAhead
	case c == Prefetch:
		return true
	default:
		return !s.demandLocked() && s.running[Background] < s.background && s.pace.open(now)
	}
}
