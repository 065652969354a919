// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/session/sessiontest"
)

// TestLeave hands a mount from loop to loop while a read is in progress and
// files are open: nobody sees anything but the time it takes.
func TestLeave(t *testing.T) {
	needPassthrough(t, t.TempDir()) // the kernels that have it can resend
	k, dir := sessiontest.NewKeeper(t), t.TempDir()
	b := newBacking(t)
	b.ready.Store(true)
	if err := os.Rename(b.path, filepath.Join(dir, "backing")); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "m")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	for i := range 4 {
		o := session.Options{ReadsOwn: true, Keeper: k, Inherited: k.Inherit(t)}
		loop, err := session.New(o)
		if err != nil {
			t.Fatal(err)
		}
		fake := newFake()
		s, err := loop.Mount(at, fake, heldOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			go func() { read <- readFile(filepath.Join(at, "slow1")) }()
		}
		within(t, fake.entered, "the read in progress")
		for _, name := range []string{"fast1", "fast2"} {
			if err := readAll(s, name); err != nil {
				t.Error(err)
			}
		}
		open := openDirect(t, s, "fast1")
		defer func() { _ = unix.Close(open) }()
		if i == 3 {
			close(fake.gate)
			if err := within(t, read, "the end of the read"); err != nil {
				t.Errorf("read over four servers: %v", err)
			}
			if err := s.Unmount(); err != nil {
				t.Error(err)
			}
			if n := k.Len(); n != 0 {
				t.Errorf("the keeper still has %d mounts", n)
			}
		}
		loop.Leave()
		if i < 3 {
			if err := s.Unmount(); err != nil || !isMounted(t, at) {
				t.Errorf("Unmount of a session that was left: %v, mounted %v", err, isMounted(t, at))
			}
		}
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	}
}
