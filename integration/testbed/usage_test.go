// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	status := "Name:\tx\nVmPeak:\t  99 kB\nVmHWM:\t     1234 kB\nVmRSS:\t 5 kB\n"
	if peak, now := memory([]byte(status), "VmHWM"), memory([]byte(status), "VmRSS"); peak != 1234<<10 || now != 5<<10 {
		t.Errorf("got %d and %d", peak, now)
	}
	if got := memory([]byte("Name:\tkernel thread\n"), "VmHWM"); got != 0 {
		t.Errorf("got %d of a process without memory", got)
	}
}

func TestCPUTime(t *testing.T) {
	const head = "17 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 "
	got, err := cpuTime(head + "100 20 3 4 20 0 8")
	if err != nil || got != 1270*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, stat := range []string{"", "17 (x) S 1 2", head + "x 20 3 4 20 0 8"} {
		if _, err := cpuTime(stat); err == nil {
			t.Errorf("%q is accepted", stat)
		}
	}
}

// Processes are found by the marker, also when their parent has ended.
func TestUsageOfMarked(t *testing.T) {
	marker := "SPRY_TESTBED_TEST=" + t.TempDir()
	cmd := exec.Command("/bin/sh", "-c", "sleep 300 & echo started")
	cmd.Env = append(os.Environ(), marker)
	if out, err := outputOf(cmd); err != nil || out != "started" {
		t.Fatal(out, err)
	}
	pids, err := marked(marker)
	if err != nil || len(pids) != 1 {
		t.Fatalf("found %v, %v, want the sleeping one", pids, err)
	}
	u, err := usageOf(marker)
	if err != nil || u.PeakBytes < 4096 || u.Bytes < 4096 {
		t.Errorf("got %+v, %v", u, err)
	}
	if err := endMarked(marker); err != nil {
		t.Fatal(err)
	}
	if u, err := usageOf(marker + "x"); err != nil || u != (Usage{}) {
		t.Errorf("got %+v, %v of no process", u, err)
	}
}

// outputOf is the first line of a program that leaves another one running.
func outputOf(cmd *exec.Cmd) (string, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	buf := make([]byte, 100)
	n, err := out.Read(buf)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(buf[:n])), cmd.Wait()
}
