// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"
	"github.com/containerd/errdefs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthapi "google.golang.org/grpc/health/grpc_health_v1"
)

// slowSnapshotter has a Prepare that a test controls.
type slowSnapshotter struct {
	snapshots.Snapshotter
	entered chan struct{}
	finish  chan struct{}
}

func (s slowSnapshotter) Prepare(ctx context.Context, _, _ string, _ ...snapshots.Opt) ([]mount.Mount, error) {
	s.entered <- struct{}{}
	select {
	case <-s.finish:
		return []mount.Mount{{Type: "bind"}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s slowSnapshotter) Stat(context.Context, string) (snapshots.Info, error) {
	return snapshots.Info{}, errdefs.ErrNotFound
}

// serving is a server on a socket that stop ends; wait is what serve says.
type serving struct {
	client snapshots.Snapshotter
	conn   *grpc.ClientConn
	stop   context.CancelFunc
	done   chan error
}

func serve(t *testing.T, sn snapshots.Snapshotter, grace time.Duration) *serving {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &serving{stop: stop, done: make(chan error, 1)}
	srv := newServer(sn)
	srv.grace = grace
	var running sync.WaitGroup
	running.Go(func() { s.done <- srv.serve(ctx, l.Listener) })
	s.conn = dial(t, path)
	s.client = proxy.NewSnapshotter(snapshotsapi.NewSnapshotsClient(s.conn), "spry")
	t.Cleanup(func() {
		stop()
		running.Wait()
		_ = l.Close()
	})
	return s
}

func dial(t *testing.T, path string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestServerFinishesCalls(t *testing.T) {
	sn := slowSnapshotter{entered: make(chan struct{}), finish: make(chan struct{})}
	s := serve(t, sn, time.Hour)
	result := make(chan error, 1)
	go func() {
		_, err := s.client.Prepare(t.Context(), "key", "")
		result <- err
	}()
	<-sn.entered
	s.stop()
	select {
	case err := <-s.done:
		t.Errorf("serve returned %v while a call runs", err)
	case err := <-result:
		t.Errorf("call ended early: %v", err)
	case sn.finish <- struct{}{}:
	}
	if err := <-result; err != nil {
		t.Errorf("call that was running: %v", err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServerCancelsCallsAfterGrace(t *testing.T) {
	sn := slowSnapshotter{entered: make(chan struct{}), finish: make(chan struct{})}
	s := serve(t, sn, time.Millisecond)
	result := make(chan error, 1)
	go func() {
		_, err := s.client.Prepare(t.Context(), "key", "")
		result <- err
	}()
	<-sn.entered
	s.stop()
	if err := <-result; err == nil {
		t.Error("call outlived the server")
	}
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServerErrors(t *testing.T) {
	s := serve(t, slowSnapshotter{}, time.Hour)
	if _, err := s.client.Stat(t.Context(), "none"); !errdefs.IsNotFound(err) {
		t.Errorf("Stat: %v, want ErrNotFound through the socket", err)
	}
	r, err := healthapi.NewHealthClient(s.conn).Check(t.Context(), &healthapi.HealthCheckRequest{})
	if err != nil || r.GetStatus() != healthapi.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v, want SERVING", r.GetStatus(), err)
	}
}

func TestServeFailsWithListener(t *testing.T) {
	l, err := listen(t.Context(), filepath.Join(t.TempDir(), "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_ = l.Listener.Close()
	if err := newServer(slowSnapshotter{}).serve(t.Context(), l.Listener); err == nil {
		t.Error("serve on a closed listener returned nil")
	}
}

func TestClosersGoBackwards(t *testing.T) {
	var order []string
	var c closers
	for _, name := range []string{"a", "b", "c"} {
		c.add(name, func() error {
			order = append(order, name)
			return errors.New("no")
		})
	}
	err := c.Close()
	if got, want := err.Error(), "close c: no\nclose b: no\nclose a: no"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if len(order) != 3 || order[0] != "c" {
		t.Errorf("closed in order %v", order)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
