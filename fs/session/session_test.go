// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

func TestMountUnmount(t *testing.T) {
	fake := newFake()
	loop := newLoop(t, session.Options{})
	s := mount(t, loop, fake)
	if !isMounted(t, s.Mountpoint()) {
		t.Error("not in the mount table")
	}
	if err := readAll(s, "fast1"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(s.Mountpoint(), "fast1"), nil, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("write: %v", err)
	}
	var wg sync.WaitGroup
	for range 4 { // idempotent, also concurrently
		wg.Go(func() {
			if err := s.Unmount(); err != nil {
				t.Error(err)
			}
			select {
			case <-s.Done():
			default:
				t.Error("Unmount returned before Done")
			}
		})
	}
	wg.Wait()
	within(t, fake.unmounted, "OnUnmount")
	if isMounted(t, s.Mountpoint()) {
		t.Error("still in the mount table")
	}
}

// TestReadAtOnce: a read that does not wait is served without another leader;
// others leave the session free meanwhile.
func TestReadAtOnce(t *testing.T) {
	for _, atOnce := range []bool{true, false} {
		fake := newFake()
		type question struct {
			node, offset uint64
			n            uint32
		}
		asked := make(chan question, 1000)
		s, err := newLoop(t, session.Options{}).Mount(t.TempDir(), fake, session.MountOptions{AtOnce: func(node, offset uint64, n uint32) bool {
			asked <- question{node, offset, n}
			return atOnce
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Unmount() })
		slow, stat := make(chan error, 1), make(chan error, 1)
		go func() { slow <- readAll(s, "slow1") }()
		node := within(t, fake.entered, "the read")
		if q := within(t, asked, "the question"); q.node != node || q.offset != 0 || q.n == 0 {
			t.Errorf("asked for %+v, node %d is read", q, node)
		}
		go func() {
			_, err := os.Stat(filepath.Join(s.Mountpoint(), "fast1"))
			stat <- err
		}()
		if atOnce {
			select {
			case err := <-stat:
				t.Errorf("another request was served during the read (%v)", err)
			case <-time.After(100 * time.Millisecond):
			}
			close(fake.gate)
		}
		if err := within(t, stat, "the other request"); err != nil {
			t.Error(err)
		}
		if !atOnce {
			close(fake.gate)
		}
		if err := within(t, slow, "the read"); err != nil {
			t.Errorf("at once: %v: %v", atOnce, err)
		}
	}
}

func TestMountErrors(t *testing.T) {
	loop := newLoop(t, session.Options{})
	if _, err := loop.Mount(filepath.Join(t.TempDir(), "missing"), newFake(), session.MountOptions{}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("missing mountpoint: %v", err)
	}
	if err := loop.Close(); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if _, err := loop.Mount(dir, newFake(), session.MountOptions{}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("closed loop: %v", err)
	}
	if isMounted(t, dir) {
		t.Error("a refused mount stays in the mount table")
	}
}

// TestReadSizes: readahead is raised and requests are as large as allowed.
func TestReadSizes(t *testing.T) {
	fake := newFake()
	s := mount(t, newLoop(t, session.Options{}), fake)
	if err := readAll(s, "fast1"); err != nil {
		t.Fatal(err)
	}
	largest := uint32(0)
	for len(fake.sizes) > 0 {
		largest = max(largest, <-fake.sizes)
	}
	if largest != session.MaxRead {
		t.Errorf("largest read %d, want %d", largest, session.MaxRead)
	}
	var st unix.Stat_t
	if err := unix.Stat(s.Mountpoint(), &st); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil || strings.TrimSpace(string(b)) != "1024" {
		t.Errorf("read_ahead_kb %q, %v", b, err)
	}
}

func TestPanic(t *testing.T) {
	s := mount(t, newLoop(t, session.Options{}), newFake())
	for i := range 3 {
		if err := readAll(s, fmt.Sprintf("panic%d", i)); !errors.Is(err, unix.EIO) {
			t.Errorf("read: %v", err)
		}
		if _, err := os.Stat(filepath.Join(s.Mountpoint(), fmt.Sprintf("oops%d", i))); !errors.Is(err, unix.EIO) {
			t.Errorf("lookup: %v", err)
		}
	}
	if err := readAll(s, "fast1"); err != nil {
		t.Error(err)
	}
}

// TestReservedName: go-fuse would invent a file with this name.
func TestReservedName(t *testing.T) {
	s := mount(t, newLoop(t, session.Options{}), newFake())
	if _, err := os.Lstat(filepath.Join(s.Mountpoint(), ".go-fuse-epoll-hack")); !os.IsNotExist(err) {
		t.Errorf("lstat: %v", err)
	}
}

// TestManyMounts: mounts cost no threads and no descriptors once gone.
func TestManyMounts(t *testing.T) {
	loop := newLoop(t, session.Options{})
	warmUp := mount(t, loop, newFake())
	if err := readAll(warmUp, "fast1"); err != nil {
		t.Fatal(err)
	}
	threads, fds := threadCount(t), fdCount(t)
	const mounts = 100
	var sessions []*session.Session
	for range mounts {
		s, err := loop.Mount(t.TempDir(), newFake(), session.MountOptions{})
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	for _, s := range sessions {
		if err := readAll(s, "fast1"); err != nil {
			t.Error(err)
		}
	}
	if got := threadCount(t) - threads; got > 8 {
		t.Errorf("%d more threads for %d mounts", got, mounts)
	}
	for _, s := range sessions {
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
	}
	if got := fdCount(t); got != fds {
		t.Errorf("%d descriptors, %d before", got, fds)
	}
}

func threadCount(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nThreads:\t")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func fdCount(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
