// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/snapshots"

	"github.com/spryd/spry/config"
	"github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/service/keeper"
	"github.com/spryd/spry/service/keychain"
	"github.com/spryd/spry/service/metrics"
	"github.com/spryd/spry/snapshot"
)

// parts are the daemon without its socket.
type parts struct {
	closers
	snapshotter snapshots.Snapshotter
	layers      *fs.FileSystem
	loop        *session.Loop
	erofs       bool // layers are shown as EROFS images
	kept        bool // there is a keeper
}

// open builds everything below the socket, with what link (or nil) has of a
// predecessor. The caller closes the result.
func open(ctx context.Context, c config.Config, link *keeper.Link) (_ *parts, err error) {
	p := &parts{kept: link != nil}
	defer func() {
		if err != nil {
			p.leave()
			err = errors.Join(err, p.Close())
		}
	}()
	if c.Root, err = makeRoot(c.Root); err != nil {
		return nil, err
	}
	l, err := lockServer(ctx, c.Root, link)
	if err != nil {
		return nil, err
	}
	p.add("lock", l.Close)
	if err := p.openLoop(ctx, c.Root, link); err != nil {
		return nil, err
	}
	if c.Snapshotter.Erofs {
		p.tryErofs(ctx, c.Root)
	}
	fsys, err := p.openFileSystem(ctx, c)
	if err != nil {
		return nil, err
	}
	sn, err := snapshot.New(ctx, c.Root, layers{fsys}, snapshot.Options{
		AsyncRemove:     c.Snapshotter.AsyncRemove,
		MountOptions:    c.Snapshotter.MountOptions,
		RestoreParallel: c.Snapshotter.RestoreParallel,
	})
	if err != nil {
		return nil, fmt.Errorf("open snapshots in %s: %w", c.Root, err)
	}
	p.add("snapshots", sn.Close)
	p.snapshotter = sn
	p.layers = fsys
	fsys.Settle()
	return p, nil
}

// makeRoot creates the root directory and resolves symbolic links in its
// path: the kernel's list of mounts has none.
func makeRoot(path string) (string, error) {
	if err := os.MkdirAll(path, 0o711); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func (p *parts) openFileSystem(ctx context.Context, c config.Config) (*fs.FileSystem, error) {
	reg := remote.New(remoteOptions(c))
	p.add("registry", reg.Close)
	counters := new(read.Counters)
	fsys, err := fs.New(ctx, fs.Options{
		Root:     c.Root,
		Registry: reg,
		Finder: discover.New(reg, discover.Options{
			V1:       c.Index.V1,
			Attempts: c.Index.Attempts,
			NoneFor:  c.Index.NoneFor.Duration,
			Timeout:  c.Index.Timeout.Duration,
		}),
		IndexTimeout: c.Index.Timeout.Duration,
		IndexRetry:   c.Index.NoneFor.Duration,

		Session:    p.loop,
		Erofs:      p.erofs,
		Scheduler:  fetch.New(fetch.Options{Connections: c.Fetch.Connections, Reserved: c.Fetch.Reserved}),
		Background: c.Fetch.Background,
		Deadline:   c.Fetch.Deadline.Duration,

		MaxBytes:      c.Store.MaxBytes,
		ReadCondemned: c.Trust.OnLie == config.OnLieContinue,
		Slow:          c.Fetch.Slow.Duration,
		Counters:      counters,
	})
	if err != nil {
		return nil, fmt.Errorf("open layers in %s: %w", c.Root, err)
	}
	p.add("layers", fsys.Close)
	l, err := listenStatus(ctx, statusAddress(c))
	if err != nil {
		return nil, err
	}
	p.add("status", metrics.Serve(ctx, l, reportSource(fsys, counters)).Close)
	return fsys, nil
}

func remoteOptions(c config.Config) remote.Options {
	var paths []string
	if c.Registry.DockerConfig != "" {
		paths = []string{c.Registry.DockerConfig}
	}
	retries := c.Registry.Retries
	if retries == 0 {
		retries = -1 // remote takes 0 for its default
	}
	return remote.Options{
		Hosts: remote.Hosts(remote.HostOptions{
			ConfigDirs:  c.Registry.ConfigPath,
			Credentials: keychain.New(keychain.Options{Paths: paths}).Credentials,
		}),
		Retries:       retries,
		HeaderTimeout: c.Registry.HeaderTimeout.Duration,
		StallWindow:   c.Registry.StallTimeout.Duration,
		UserAgent:     "spry/" + BuildVersion(),
	}
}
