// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lock(path, "the root")
	if err != nil {
		t.Fatal(err)
	}
	_, err = lock(path, "the root")
	if want := fmt.Sprintf("the root is used by another daemon, process \"%d\"", os.Getpid()); err == nil || err.Error() != want {
		t.Errorf("second lock: %v, want %s", err, want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(path, "the root")
	if err != nil {
		t.Fatalf("lock after release: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenReplacesDeadSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s.sock")
	dead, err := listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	// A killed process closes its descriptors and removes nothing.
	if err := dead.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := dead.lock.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600", got)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "s.sock.lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestListenRefuses(t *testing.T) {
	tests := map[string]struct {
		before func(t *testing.T, path string)
		want   string
	}{
		"living daemon": {func(t *testing.T, path string) {
			s, err := listen(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
		}, "used by another daemon"},
		"living stranger": {func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}, "served by another process"},
		"living stranger with a full backlog": {busySocket, "served by another process"},
		"file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is not a socket"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.sock")
			tc.before(t, path)
			_, err := listen(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("listen: %v, want %q", err, tc.want)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("what was there is gone: %v", err)
			}
			if l, err := lock(path+".lock", path); (err == nil) != (name != "living daemon") {
				t.Errorf("lock after a refusal: %v", err)
			} else if err == nil {
				_ = l.Close()
			}
		})
	}
}

// busySocket makes a socket that cannot take one more connection now.
func busySocket(t *testing.T, path string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
