// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idleWindow is the time over which CPU use is measured. The kernel
	// counts in steps of 10 ms.
	idleWindow = 80 * time.Millisecond
	// userHZ is the unit of /proc/stat: ticks a second, on every
	// architecture that Go runs on.
	userHZ = 100
)

// idle measures how many CPUs other processes leave to this one. Threads of
// low priority would not do: what waits for the garbage collector or for a
// lock would wait for them, and a container has a control group of its own, in
// which their priority means nothing.
type idle struct {
	cpus float64
	read func() (busy, own time.Duration, err error) // readBusy if nil

	at          time.Time
	busy, own   time.Duration // until at, since the system and the process began
	from        time.Time     // beginning of the window before at
	left        float64       // CPUs, in that window
	unavailable bool          // all CPUs are taken for idle
}

// cpusLeft is how many CPUs others did not use a moment ago. Not safe for concurrent use.
func (i *idle) cpusLeft() float64 {
	now := time.Now()
	if i.cpus == 0 {
		i.cpus = float64(runtime.NumCPU())
		i.left = i.cpus
	}
	if now.Sub(i.at) < idleWindow || i.unavailable {
		return i.left
	}
	if i.read == nil {
		i.read = readBusy
	}
	busy, own, err := i.read()
	if err != nil {
		i.unavailable = true
		return i.left
	}
	if elapsed := now.Sub(i.at); !i.at.IsZero() {
		others := float64((busy-i.busy)-(own-i.own)) / float64(elapsed)
		i.left = min(max(i.cpus-others, 0), i.cpus)
	}
	i.from, i.at, i.busy, i.own = i.at, now, busy, own
	return i.left
}

// measuredSince measures if it is time to, and says whether what cpusLeft returns
// is of a window that began after t.
func (i *idle) measuredSince(t time.Time) bool {
	i.cpusLeft()
	return !i.unavailable && i.from.After(t)
}

// readBusy is the time that all CPUs and this process were busy.
func readBusy() (busy, own time.Duration, err error) {
	busy, err = systemBusy()
	return busy, processBusy(), err
}

// systemBusy is the time that all CPUs spent in programs and the kernel, but
// for interrupts, or waited for a disk, since the system began: a program that
// writes its files is busy with what it read.
func systemBusy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(b)
}

// parseBusy adds up the columns user, nice, system and iowait of the first line
// of /proc/stat (proc_stat(5)).
func parseBusy(b []byte) (time.Duration, error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 6 || string(fields[0]) != "cpu" {
		return 0, os.ErrInvalid
	}
	var ticks int64
	for _, f := range [][]byte{fields[1], fields[2], fields[3], fields[5]} {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / userHZ), nil
}

// processBusy is the CPU time of this process.
func processBusy() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
