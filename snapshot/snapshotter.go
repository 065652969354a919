// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/continuity/fs"
	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
)

// openTimeout bounds the wait for another process's lock on the metadata.
const openTimeout = 5 * time.Second

// Snapshotter implements containerd's snapshots.Snapshotter and
// snapshots.Cleaner. It is safe for concurrent use.
type Snapshotter struct {
	root    string
	fsys    FileSystem
	meta    *storage.MetaStore
	options Options
	overlay []string // options of every overlay mount

	targets keyLock // by chain id
	unpacks keyLock // by snapshot identifier, taken inside of targets
	told    onceSet
	garbage garbage
}

var (
	_ snapshots.Snapshotter = (*Snapshotter)(nil)
	_ snapshots.Cleaner     = (*Snapshotter)(nil)
)

// New opens the snapshotter whose state is below root, mounts the layers of
// its lazy snapshots again and removes what a crash left behind. A layer that
// cannot be mounted does not fail it. The caller closes the snapshotter before
// fsys.
func New(ctx context.Context, root string, fsys FileSystem, o Options) (*Snapshotter, error) {
	for _, dir := range []string{root, filepath.Join(root, "snapshots")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	dtype, err := fs.SupportsDType(root)
	if err != nil {
		return nil, fmt.Errorf("probe file system of %s: %w", root, err)
	}
	if !dtype {
		return nil, fmt.Errorf("file system of %s does not support d_type, which overlayfs needs (xfs: format with ftype=1)", root)
	}
	meta, err := storage.NewMetaStore(filepath.Join(root, "metadata.db"), func(b *bbolt.Options) error {
		b.Timeout = openTimeout
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := &Snapshotter{
		root:    root,
		fsys:    fsys,
		meta:    meta,
		options: o,
		overlay: overlayOptions(root, o.MountOptions),
	}
	if err := s.restore(ctx); err != nil {
		return nil, errors.Join(err, meta.Close())
	}
	return s, nil
}

// Close closes the metadata. Mounted layers stay as they are.
func (s *Snapshotter) Close() error { return s.meta.Close() }

// Stat returns a snapshot by key or name.
func (s *Snapshotter) Stat(ctx context.Context, key string) (snapshots.Info, error) {
	r, err := s.record(ctx, key)
	return r.info, err
}

// Walk calls fn for every snapshot that matches one of the filters, within
// one read transaction: fn sees a consistent state and must not write.
func (s *Snapshotter) Walk(ctx context.Context, fn snapshots.WalkFunc, filters ...string) error {
	called := false
	err := s.view(ctx, func(ctx context.Context) error {
		return storage.WalkInfo(ctx, func(ctx context.Context, info snapshots.Info) error {
			called = true
			return fn(ctx, info)
		}, filters...)
	})
	if !called && errdefs.IsNotFound(err) {
		return nil // nothing was ever stored
	}
	return err
}

func (s *Snapshotter) dir(id string) string      { return filepath.Join(s.root, "snapshots", id) }
func (s *Snapshotter) upperDir(id string) string { return filepath.Join(s.dir(id), "fs") }
func (s *Snapshotter) workDir(id string) string  { return filepath.Join(s.dir(id), "work") }
