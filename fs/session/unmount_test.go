// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// gone are the errors of a mount whose connection ended.
func gone(err error) bool {
	return errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EINTR) ||
		errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EIO)
}

// TestUnmountBusy: users that stay are cut off, blocked reads are cancelled.
func TestUnmountBusy(t *testing.T) {
	fake := newFake()
	s := mount(t, newLoop(t, session.Options{UnmountGrace: time.Millisecond}), fake)
	f, err := os.Open(filepath.Join(s.Mountpoint(), "fast1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	blocked := make(chan error, 1)
	go func() { blocked <- readAll(s, "slow1") }()
	within(t, fake.entered, "read")
	if err := s.Unmount(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, blocked, "blocked reader"); !gone(err) {
		t.Errorf("blocked read: %v", err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 0); !gone(err) {
		t.Errorf("read of an open file: %v", err)
	}
	if isMounted(t, s.Mountpoint()) {
		t.Error("still in the mount table")
	}
}

// TestUnmountGrace: a user that leaves in time is served until then.
func TestUnmountGrace(t *testing.T) {
	fake := newFake()
	s := mount(t, newLoop(t, session.Options{UnmountGrace: patience}), fake)
	f, err := os.Open(filepath.Join(s.Mountpoint(), "slow1"))
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(make([]byte, 10), 0)
		read <- errors.Join(err, f.Close())
	}()
	within(t, fake.entered, "read")
	unmounted := make(chan error, 1)
	go func() { unmounted <- s.Unmount() }()
	for isMounted(t, s.Mountpoint()) {
		if _, err := os.Stat(s.Mountpoint()); err != nil {
			t.Fatal(err)
		}
	}
	close(fake.gate)
	if err := within(t, read, "reader"); err != nil {
		t.Errorf("read of a detached mount: %v", err)
	}
	if err := within(t, unmounted, "unmount"); err != nil {
		t.Error(err)
	}
}

// TestUnmountUnderLoad: readers get right bytes or an error, nothing hangs.
func TestUnmountUnderLoad(t *testing.T) {
	loop := newLoop(t, session.Options{UnmountGrace: 10 * time.Millisecond})
	for range 5 {
		s := mount(t, loop, newFake())
		var readers sync.WaitGroup
		started := make(chan struct{}, 8)
		for i := range 8 {
			readers.Go(func() {
				for n := 0; ; n++ {
					err := readAll(s, fmt.Sprintf("fast%d", (i+n)%100))
					if n == 0 {
						started <- struct{}{}
					}
					if err != nil {
						if !gone(err) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range 8 {
			within(t, started, "reader")
		}
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
		readers.Wait()
	}
}

// TestExternalUnmount: the kernel ends the connection, Done tells.
func TestExternalUnmount(t *testing.T) {
	s := mount(t, newLoop(t, session.Options{}), newFake())
	if err := unix.Unmount(s.Mountpoint(), 0); err != nil {
		t.Fatal(err)
	}
	within(t, s.Done(), "Done")
	if err := s.Unmount(); err != nil {
		t.Errorf("unmount of what is gone: %v", err)
	}
}

// TestForeignMount: Unmount does not touch what somebody mounted later.
func TestForeignMount(t *testing.T) {
	s := mount(t, newLoop(t, session.Options{}), newFake())
	if err := unix.Unmount(s.Mountpoint(), 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", s.Mountpoint(), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Unmount(); err != nil {
		t.Error(err)
	}
	if err := unix.Unmount(s.Mountpoint(), 0); err != nil {
		t.Errorf("the other mount is gone: %v", err)
	}
}

// TestAbort: the connection is aborted through fusectl; reads are cancelled.
func TestAbort(t *testing.T) {
	fake := newFake()
	s := mount(t, newLoop(t, session.Options{}), fake)
	control := t.TempDir()
	if err := unix.Mount("none", control, "fusectl", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(control, 0) })
	var st unix.Stat_t
	if err := unix.Stat(s.Mountpoint(), &st); err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 1)
	go func() { blocked <- readAll(s, "slow1") }()
	within(t, fake.entered, "read")
	abort := filepath.Join(control, fmt.Sprint(unix.Minor(st.Dev)), "abort")
	if err := os.WriteFile(abort, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	within(t, fake.cancelled, "cancelled read")
	if err := within(t, blocked, "reader"); !gone(err) {
		t.Errorf("read: %v", err)
	}
	within(t, s.Done(), "Done")
	if !isMounted(t, s.Mountpoint()) {
		t.Error("an aborted mount left the mount table")
	}
	if err := s.Unmount(); err != nil {
		t.Error(err)
	}
	if isMounted(t, s.Mountpoint()) {
		t.Error("still in the mount table")
	}
}

// TestClose ends sessions with running and queued reads.
func TestClose(t *testing.T) {
	loop, err := session.New(session.Options{ReadBytes: 4 << 20, ReadsOwn: true})
	if err != nil {
		t.Fatal(err)
	}
	fake := newFake()
	s := mount(t, loop, fake)
	var readers sync.WaitGroup
	for i := range 20 {
		readers.Go(func() {
			if err := readAll(s, fmt.Sprintf("slow%d", i)); !gone(err) {
				t.Errorf("read: %v", err)
			}
		})
	}
	within(t, fake.entered, "read")
	for range 2 {
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
	within(t, s.Done(), "Done")
	if isMounted(t, s.Mountpoint()) {
		t.Error("still in the mount table")
	}
}
