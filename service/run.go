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

	"github.com/containerd/log"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/spryd/spry/config"
	"github.com/spryd/spry/service/keeper"
)

// errLeave is the cause of the end of a server that leaves its mounts as they
// are, for the next one.
var errLeave = errors.New("another server takes over")

// flushTime bounds how long the end of a server waits for the disk.
const flushTime = 2 * time.Second

// Serve is the server that a keeper started, with its socket at descriptor fd:
// it serves until ctx ends, or until it is told to leave, and returns when
// everything is closed. The configuration must be valid.
func Serve(ctx context.Context, c config.Config, fd uintptr) (err error) {
	link, err := keeper.Attach(ctx, fd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, link.Close()) }()
	return run(ctx, c, link)
}

// run is Serve; without a link it is a daemon without a keeper.
func run(ctx context.Context, c config.Config, link *keeper.Link) (err error) {
	ctx, leave := context.WithCancelCause(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer leave(nil)
	if link != nil {
		waiting.Go(func() {
			select {
			case <-link.Leave():
				leave(errLeave)
			case <-ctx.Done():
			}
		})
	}
	// What is opened must outlive ctx: calls may finish after it has ended.
	p, err := open(context.WithoutCancel(ctx), c, link)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	err = p.serve(ctx, c.Address, link)
	p.flush(ctx)
	if err != nil || errors.Is(context.Cause(ctx), errLeave) {
		p.leave()
	}
	return err
}

// serve says that it is ready, and serves until ctx ends.
func (p *parts) serve(ctx context.Context, address string, link *keeper.Link) error {
	l, err := p.listen(ctx, address, link)
	if err != nil {
		return err
	}
	stopWatchdog := watchdog(ctx, p.snapshotter)
	defer stopWatchdog()
	log.G(ctx).Info("serving snapshots at " + address + ", version " + BuildVersion())
	notify(ctx, daemon.SdNotifyReady)
	if link != nil {
		if err := link.Ready(); err != nil {
			return err
		}
	}
	return newServer(p.snapshotter).serve(ctx, l)
}

// leave has Close leave mounts as they are. A server that has a keeper leaves
// them to the next one however it ends, unless it was told to unmount: it may
// also be that this one cannot start, or that the keeper was killed.
func (p *parts) leave() {
	if p.kept && p.loop != nil {
		p.loop.Leave()
	}
}

// flush writes what was fetched while layers are still served, for a successor
// that may not reach the registry.
func (p *parts) flush(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if err := p.layers.Flush(bounded); err != nil {
		log.G(ctx).WithError(err).Warn("not all that was fetched is on disk, it will be fetched again")
	}
}

// listen is the keeper's socket, or one of our own.
func (p *parts) listen(ctx context.Context, address string, link *keeper.Link) (net.Listener, error) {
	if link != nil {
		l, err := link.Listener()
		if err != nil {
			return nil, fmt.Errorf("listen at %s: %w", address, err)
		}
		return l, nil // closed by the gRPC server
	}
	socket, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	p.add("socket", socket.Close)
	return socket.Listener, nil
}
