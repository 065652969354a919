// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"

	"github.com/spryd/spry/config"
)

// systemd receives what a daemon tells its service manager.
type systemd struct{ conn *net.UnixConn }

func newSystemd(t *testing.T, watchdog time.Duration) systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	return systemd{conn}
}

// wait reads until the message comes.
func (s systemd) wait(t *testing.T, message string) {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			t.Fatalf("wait for %s: %v", message, err)
		}
		if strings.TrimSpace(string(buf[:n])) == message {
			return
		}
	}
}

func testConfig(t *testing.T) config.Config {
	c := config.Default()
	dir := t.TempDir()
	c.Root = filepath.Join(dir, "root")
	c.Address = filepath.Join(dir, "run", "s.sock")
	c.Registry.ConfigPath = nil
	c.Registry.DockerConfig = filepath.Join(dir, "config.json")
	return c
}

func TestRun(t *testing.T) {
	sd := newSystemd(t, 30*time.Millisecond)
	c := testConfig(t)
	if err := os.Mkdir(filepath.Join(filepath.Dir(c.Root), "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", c.Root); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run finds what the first one left
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- run(ctx, c, nil) }()
		sd.wait(t, "READY=1")

		sn := proxy.NewSnapshotter(snapshotsapi.NewSnapshotsClient(dial(t, c.Address)), "spry")
		mounts, err := sn.Prepare(ctx, "key", "")
		if err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Join(filepath.Dir(c.Root), "real"); !strings.HasPrefix(mounts[0].Source, dir+"/") {
			t.Errorf("mount %v is not below %s", mounts[0], dir)
		}
		if err := sn.(snapshots.Cleaner).Cleanup(ctx); err != nil {
			t.Errorf("Cleanup: %v", err)
		}
		if err := sn.Remove(ctx, "key"); err != nil {
			t.Errorf("Remove: %v", err)
		}
		sd.wait(t, "WATCHDOG=1")
		if err := run(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "used by another daemon") {
			t.Errorf("second daemon on the same root: %v", err)
		}
		stop()
		sd.wait(t, "STOPPING=1")
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestRunFailsCleanly(t *testing.T) {
	c := testConfig(t)
	if err := os.MkdirAll(c.Address, 0o700); err != nil { // a directory in the way
		t.Fatal(err)
	}
	for range 2 { // the second time shows that nothing stayed locked
		err := run(t.Context(), c, nil)
		if err == nil || !strings.Contains(err.Error(), "is not a socket") {
			t.Errorf("Run: %v, want that the address is taken", err)
		}
	}
}

func TestRemoteOptions(t *testing.T) {
	c := config.Default()
	if got := remoteOptions(c).Retries; got != 5 {
		t.Errorf("default retries %d, want 5", got)
	}
	c.Registry.Retries = 0
	if got := remoteOptions(c).Retries; got >= 0 {
		t.Errorf("no retries are %d, want what remote takes for none", got)
	}
}
