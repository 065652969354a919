// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseBusy(t *testing.T) {
	for _, tt := range []struct {
		name, stat string
		want       time.Duration
		fails      bool
	}{
		{name: "columns", stat: "cpu  100 20 3 4000 5 6 7 0 0 0\ncpu0 1 2 3\n", want: 1280 * time.Millisecond},
		{name: "empty", fails: true},
		{name: "short", stat: "cpu 1 2 3 4\n", fails: true},
		{name: "not a number", stat: "cpu 1 x 3 4 5\n", fails: true},
		{name: "another line", stat: "intr 1 2 3 4\n", fails: true},
	} {
		got, err := parseBusy([]byte(tt.stat))
		if (err != nil) != tt.fails || got != tt.want {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
}

// TestOwnWorkLeavesCPUs burns a CPU: that is no reason to give way.
func TestOwnWorkLeavesCPUs(t *testing.T) {
	if _, err := os.Stat("/proc/stat"); err != nil {
		t.Skip("no /proc/stat on this system")
	}
	before, err := systemBusy()
	if err != nil {
		t.Fatal(err)
	}
	own := processBusy()
	for processBusy()-own < 200*time.Millisecond {
	}
	after, err := systemBusy()
	if err != nil {
		t.Fatal(err)
	}
	if after-before < 150*time.Millisecond {
		t.Errorf("the system counts %v of 200 ms that this process worked", after-before)
	}
	var i idle
	for range 2 {
		i.at = i.at.Add(-time.Second) // look again
		if left := i.cpusLeft(); left < 0 || left > float64(runtime.NumCPU()) {
			t.Errorf("%v of %d CPUs left", left, runtime.NumCPU())
		}
	}
}

// TestRoom: a host whose CPUs nobody uses has room for all transfers, also if it
// has fewer CPUs than these.
func TestRoom(t *testing.T) {
	for _, c := range []struct {
		left, cpus float64
		want       int
	}{{2, 2, 3}, {1.7, 2, 3}, {1, 2, 2}, {0.5, 2, 1}, {0.3, 2, 0}, {0, 2, 0}, {1, 1, 3}, {64, 64, 64}, {32, 64, 32}, {2, 64, 2}} {
		if got := roomFor(3, c.left, c.cpus); got != c.want {
			t.Errorf("%v of %v CPUs left: room for %d, want %d", c.left, c.cpus, got, c.want)
		}
	}
}

// TestCrowdedOnlyAfterDemand: background gives way to others' use of the CPUs
// while what was read may be starting, and not for ever.
func TestCrowdedOnlyAfterDemand(t *testing.T) {
	s := New(Options{})
	s.running[Background] = s.background
	s.idle = idle{cpus: 2, left: 0, unavailable: true} // others use both
	s.pace.since = time.Now()
	if !s.crowdedLocked() {
		t.Error("right after demand: background goes on")
	}
	s.pace.since = time.Now().Add(-computing)
	if s.crowdedLocked() {
		t.Error("long after demand: background gives way")
	}
	s.pace = pace{since: time.Now(), lead: paceLead}
	if s.crowdedLocked() {
		t.Error("others left all CPUs since the demand: background gives way")
	}
}

// TestBackgroundWaitsForCPUs: while others use them after demand, a transfer is
// held; where demand does not end, no longer than a program may compute.
func TestBackgroundWaitsForCPUs(t *testing.T) {
	for name, demand := range map[string]time.Duration{"demand has ended": 0, "demand does not end": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{})
				s.idle = idle{cpus: 2, left: 0, unavailable: true} // others use both
				since := time.Now()
				s.pace.since = since.Add(demand)
				lease := &Lease{s: s, class: Background}
				s.running[Background]++
				defer lease.Release()
				if err := lease.Yield(t.Context()); err != nil {
					t.Fatal(err)
				}
				if held := time.Since(since); held < computing || held > computing+idleWindow {
					t.Errorf("held for %v", held)
				}
			})
		})
	}
}
