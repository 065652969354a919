// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/service/status"
)

// A second daemon does not get the status socket of a living one, and says
// what to set; one that nobody serves it replaces.
func TestStatusSocket(t *testing.T) {
	sd := newSystemd(t, time.Hour)
	first, second := testConfig(t), testConfig(t)
	second.Address = filepath.Join(filepath.Dir(first.Address), "t.sock")
	address := statusAddress(first)
	leaveSocket(t, address)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, first, nil) }()
	sd.wait(t, "READY=1")
	bounded, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := run(bounded, second, nil)
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "[status] address") {
		t.Errorf("second daemon: %v, want one that names %s and what to set", err, address)
	}
	if _, err := status.Get(t.Context(), address); err != nil {
		t.Errorf("status of the first daemon: %v", err)
	}
	if info, err := os.Stat(address); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Status may have a port; what is no socket stays where it is.
func TestListenStatus(t *testing.T) {
	l, err := listenStatus(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{file, filepath.Join(file, "status.sock")} {
		if _, err := listenStatus(t.Context(), address); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

// leaveSocket leaves a socket at path that nobody serves.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
