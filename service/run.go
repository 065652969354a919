// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"errors"

	"github.com/containerd/log"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/spryd/spry/config"
)

// Run is the daemon: it serves until ctx ends and returns when everything is
// closed. The configuration must be valid.
func Run(ctx context.Context, c config.Config) (err error) {
	// What is opened must outlive ctx: calls may finish after it has ended.
	p, err := open(context.WithoutCancel(ctx), c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	socket, err := listen(ctx, c.Address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, socket.Close()) }()

	stopWatchdog := watchdog(ctx, p.snapshotter)
	defer stopWatchdog()
	log.G(ctx).Info("serving snapshots at " + c.Address + ", version " + BuildVersion())
	notify(ctx, daemon.SdNotifyReady)
	return newServer(p.snapshotter).serve(ctx, socket.Listener)
}
