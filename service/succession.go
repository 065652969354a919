// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/containerd/log"

	"github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/service/keeper"
)

const (
	serverPID = "server.pid"
	keeperPID = "keeper.pid"
	// predecessorTimeout is how long a server whose keeper was killed may
	// take to leave the root.
	predecessorTimeout = 30 * time.Second
)

// lockServer makes this process the server of a root. With a keeper it waits
// for a server that lost another keeper to leave.
func lockServer(ctx context.Context, root string, link *keeper.Link) (*lockFile, error) {
	path := filepath.Join(root, serverPID)
	l, err := lock(path, root)
	if err == nil || link == nil {
		return l, err
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(predecessorTimeout); time.Now().Before(end) && ctx.Err() == nil; <-tick.C {
		if l, err = lock(path, root); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// openLoop opens the FUSE loop with the sessions of a predecessor, and finds
// out what the kernel can do.
func (p *parts) openLoop(ctx context.Context, root string, link *keeper.Link) error {
	o := session.Options{}
	if link != nil {
		o.Keeper = link
		for _, h := range link.Held() {
			o.Inherited = append(o.Inherited, session.Inherited{Name: h.Name, Files: h.Files})
		}
	}
	loop, err := session.New(o)
	if err != nil {
		return fmt.Errorf("open FUSE loop: %w", err)
	}
	p.loop = loop
	p.add("FUSE loop", loop.Close)
	found, err := loop.Probe(root)
	if err != nil {
		return err
	}
	entry := log.G(ctx)
	if found.Passthrough != nil {
		entry.WithError(found.Passthrough).Warn("no passthrough: files that are local are read through the daemon")
	}
	if !found.Resend {
		entry.Warn("the kernel cannot send requests again: a killed server leaves reads in progress hanging")
	}
	return nil
}

// tryErofs finds out whether layers can be shown as EROFS images.
func (p *parts) tryErofs(ctx context.Context, root string) {
	if err := fs.TryErofs(p.loop, root); err != nil {
		log.G(ctx).WithError(err).Warn("the kernel cannot have the names of layers: it asks for each once")
		return
	}
	p.erofs = true
}
