// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd a state; without systemd it does nothing.
func notify(ctx context.Context, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.G(ctx).WithError(err).WithField("op", state).Warn("systemd cannot be told")
	}
}

// watchdog keeps systemd's watchdog quiet while the metadata answers. The
// returned function ends it and waits.
func watchdog(ctx context.Context, sn snapshots.Snapshotter) (stop func()) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.G(ctx).WithError(err).Warn("systemd's watchdog is off")
	}
	if err != nil || interval <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(interval / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if alive(ctx, sn) {
				notify(ctx, daemon.SdNotifyWatchdog)
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// alive asks for a snapshot that cannot exist, which takes a transaction.
func alive(ctx context.Context, sn snapshots.Snapshotter) bool {
	_, err := sn.Stat(ctx, "watchdog")
	return err == nil || errdefs.IsNotFound(err)
}
