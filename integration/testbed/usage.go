// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a group of processes has used since it started.
type Usage struct {
	// PeakBytes is the sum of each process's highest resident size.
	PeakBytes int64
	// Bytes is the sum of their resident sizes now.
	Bytes int64
	// CPU is user and system time, that of ended children included.
	CPU time.Duration
}

// clockTick is the unit of times in /proc/PID/stat; it is 1/100 s for every
// program on Linux, whatever the kernel uses itself.
const clockTick = 10 * time.Millisecond

// usageOf adds up the processes that have marker in their environment: a
// daemon and all that it started, also those that have another parent by now.
func usageOf(marker string) (Usage, error) {
	var u Usage
	pids, err := marked(marker)
	for _, pid := range pids {
		one, err := processUsage(fmt.Sprintf("/proc/%d", pid))
		if err != nil {
			continue // it has ended
		}
		u.PeakBytes += one.PeakBytes
		u.Bytes += one.Bytes
		u.CPU += one.CPU
	}
	return u, err
}

// Usage is what the process has used so far, its ended children included.
func (p *Process) Usage() (Usage, error) { return processUsage(fmt.Sprintf("/proc/%d", p.Pid())) }

// marked lists the processes with marker in their environment.
func marked(marker string) ([]int, error) { return having("environ", marker) }

// having lists the processes whose file in /proc, of strings that end in a zero byte,
// has these in a row.
func having(name string, list ...string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/" + name)
	var pids []int
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(append([]byte{0}, b...), []byte("\x00"+strings.Join(list, "\x00")+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// endMarked kills what a daemon left running.
func endMarked(marker string) error {
	pids, err := marked(marker)
	kill(pids)
	return err
}

func kill(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// processUsage reads one process's directory below /proc.
func processUsage(dir string) (Usage, error) {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return Usage{}, err
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Usage{}, err
	}
	cpu, err := cpuTime(string(stat))
	return Usage{PeakBytes: memory(status, "VmHWM"), Bytes: memory(status, "VmRSS"), CPU: cpu}, err
}

// memory is a line of /proc/PID/status in bytes, 0 if it is not there.
func memory(status []byte, name string) int64 {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name+":")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err == nil {
			return kib << 10
		}
	}
	return 0
}

// cpuTime adds utime, stime, cutime and cstime of /proc/PID/stat.
func cpuTime(stat string) (time.Duration, error) {
	_, rest, _ := strings.Cut(stat[strings.LastIndex(stat, ")")+1:], " ")
	f := strings.Fields(rest)
	if len(f) < 15 {
		return 0, fmt.Errorf("process status %q: too few fields", stat)
	}
	var ticks int64
	for _, s := range f[11:15] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("process status: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
