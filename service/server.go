// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/log"
	"github.com/coreos/go-systemd/v22/daemon"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthapi "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// graceTime is how long calls may go on after the daemon was told to end.
	graceTime = 10 * time.Second
	// maxMessage is containerd's own limit for messages, in bytes.
	maxMessage = 16 << 20
)

// server serves one snapshotter.
type server struct {
	grpc   *grpc.Server
	health *health.Server
	grace  time.Duration
}

func newServer(sn snapshots.Snapshotter) *server {
	s := &server{
		grpc: grpc.NewServer(
			grpc.MaxRecvMsgSize(maxMessage),
			grpc.MaxSendMsgSize(maxMessage),
			grpc.WaitForHandlers(true),
		),
		health: health.NewServer(),
		grace:  graceTime,
	}
	snapshotsapi.RegisterSnapshotsServer(s.grpc, snapshotservice.FromSnapshotter(sn))
	healthapi.RegisterHealthServer(s.grpc, s.health)
	return s
}

// serve accepts calls until ctx ends and returns when the last call has ended.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	failed := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { failed <- s.grpc.Serve(l) })
	defer serving.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	if !errors.Is(context.Cause(ctx), errLeave) {
		notify(ctx, daemon.SdNotifyStopping)
	}
	s.health.Shutdown()
	s.stop(ctx)
	return nil
}

// stop lets calls finish for the grace time and then cancels them.
func (s *server) stop(ctx context.Context) {
	timer := time.AfterFunc(s.grace, func() {
		log.G(ctx).WithField("duration", s.grace).Warn("cancel calls that do not end")
		s.grpc.Stop()
	})
	defer timer.Stop()
	s.grpc.GracefulStop()
}
