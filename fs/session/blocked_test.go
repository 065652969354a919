// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// TestBlockedReads: reads that wait stop neither other reads nor metadata,
// also when more wait than may run.
func TestBlockedReads(t *testing.T) {
	for _, c := range []struct {
		name    string
		options session.Options
		readers int
		running int // of them, that reach the file system
		reads   bool
	}{
		{"few", session.Options{}, 3, 3, true},
		{"many", session.Options{}, 40, 40, true},
		{"more than may run", session.Options{ReadBytes: 8 << 20}, 40, 8, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := newFake()
			loop := newLoop(t, c.options)
			s, other := mount(t, loop, fake), mount(t, loop, newFake())
			var readers sync.WaitGroup
			for i := range c.readers {
				readers.Go(func() {
					if err := readAll(s, fmt.Sprintf("slow%d", i)); err != nil {
						t.Error(err)
					}
				})
			}
			for range c.running {
				within(t, fake.entered, "blocked read")
			}
			for i := range 50 {
				for _, m := range []*session.Session{s, other} {
					if _, err := os.Stat(filepath.Join(m.Mountpoint(), fmt.Sprintf("fast%d", i))); err != nil {
						t.Error(err)
					}
				}
			}
			if c.reads {
				for _, m := range []*session.Session{s, other} {
					if err := readAll(m, "fast1"); err != nil {
						t.Error(err)
					}
				}
			}
			close(fake.gate)
			readers.Wait()
		})
	}
}

// blockedCat starts a process that is blocked in a read.
func blockedCat(t *testing.T, s *session.Session, name string, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{"if=" + filepath.Join(s.Mountpoint(), name), "of=/dev/null", "bs=64k"}, args...)
	cmd := exec.Command("dd", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// killed waits for the process that it kills.
func killed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { left <- cmd.Wait() }()
	if err := within(t, left, "killed process to leave"); err == nil {
		t.Error("a killed process succeeded")
	}
}

// TestInterrupt: a process that is killed in a read leaves at once, and the
// read is cancelled if nobody else waits for the page.
func TestInterrupt(t *testing.T) {
	t.Run("direct", func(t *testing.T) {
		fake := newFake()
		s := mount(t, newLoop(t, session.Options{}), fake)
		cmd := blockedCat(t, s, "slow1", "iflag=direct")
		node := within(t, fake.entered, "read")
		killed(t, cmd)
		if got := within(t, fake.cancelled, "cancelled read"); got != node {
			t.Errorf("node %d cancelled, %d was reading", got, node)
		}
	})
	t.Run("page cache", func(t *testing.T) {
		fake := newFake()
		s := mount(t, newLoop(t, session.Options{}), fake)
		cmd := blockedCat(t, s, "slow1")
		within(t, fake.entered, "read")
		killed(t, cmd)
		close(fake.gate)
	})
	t.Run("queued", func(t *testing.T) {
		fake := newFake()
		s := mount(t, newLoop(t, session.Options{ReadBytes: 64 << 10}), fake)
		first := blockedCat(t, s, "slow1", "iflag=direct")
		within(t, fake.entered, "read")
		second := blockedCat(t, s, "slow2", "iflag=direct")
		waitBlocked(t, second.Process.Pid)
		killed(t, second)
		killed(t, first)
		if got := len(fake.entered); got != 0 {
			t.Errorf("%d reads ran after their process was killed", got)
		}
	})
}

// waitBlocked waits until the process sleeps in a fuse request.
func waitBlocked(t *testing.T, pid int) {
	t.Helper()
	blocked := make(chan struct{})
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
			if err == nil && (string(b) == "request_wait_answer" || string(b) == "__fuse_simple_request") {
				close(blocked)
				return
			}
		}
	}()
	within(t, blocked, "process to block")
}

// TestInterruptedRead: a signal that has a handler does not end a direct read,
// nor keep one from being ended that comes later.
func TestInterruptedRead(t *testing.T) {
	t.Run("handled", func(t *testing.T) {
		fake := newFake()
		s := mount(t, newLoop(t, session.Options{}), fake)
		fd := openDirect(t, s, "slow1")
		defer func() { _ = unix.Close(fd) }()
		result := make(chan error, 1)
		tid := make(chan int, 1)
		go func() {
			tid <- unix.Gettid()
			_, err := unix.Pread(fd, make([]byte, 4096), 0)
			result <- err
		}()
		thread := <-tid
		within(t, fake.entered, "read")
		for range 3 { // Go's runtime handles SIGURG
			if err := unix.Tgkill(unix.Getpid(), thread, unix.SIGURG); err != nil {
				t.Fatal(err)
			}
			select {
			case <-fake.cancelled:
				t.Error("the read was cancelled")
			case err := <-result:
				t.Fatalf("the read ended: %v", err)
			case <-time.After(150 * time.Millisecond):
			}
		}
		close(fake.gate)
		if err := within(t, result, "read to end"); err != nil {
			t.Errorf("read: %v", err)
		}
	})
	// dd handles SIGUSR1, and SIGSTOP stops it when the read is over.
	for _, signal := range []unix.Signal{unix.SIGUSR1, unix.SIGSTOP} {
		t.Run(unix.SignalName(signal)+", then killed", func(t *testing.T) {
			fake := newFake()
			s := mount(t, newLoop(t, session.Options{ReadBytes: 64 << 10}), fake)
			running, queued := blockedCat(t, s, "slow1", "iflag=direct"), blockedCat(t, s, "slow2", "iflag=direct")
			within(t, fake.entered, "read")
			for _, cmd := range []*exec.Cmd{running, queued} {
				waitBlocked(t, cmd.Process.Pid)
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-fake.cancelled:
				t.Error("a read was cancelled")
			case <-time.After(250 * time.Millisecond):
			}
			killed(t, queued)
			killed(t, running)
			within(t, fake.cancelled, "cancelled read")
		})
	}
}
