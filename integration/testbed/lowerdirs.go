// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sys/unix"
)

// Lowerdirs are the directories that a container of the image would show if
// it was started now, uppermost first, as the snapshotter names them.
func (h *Host) Lowerdirs(ctx context.Context, ref string) (dirs []string, err error) {
	c, err := client.New(h.Ctd.Address(), client.WithDefaultNamespace("default"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ctx, done, err := c.WithLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done(context.WithoutCancel(ctx))) }()
	img, err := c.GetImage(ctx, ref)
	if err != nil {
		return nil, err
	}
	diffs, err := img.RootFS(ctx)
	if err != nil {
		return nil, err
	}
	sn := c.SnapshotService(h.Name())
	key := fmt.Sprintf("testbed-view-%d", time.Now().UnixNano())
	mounts, err := sn.View(ctx, key, identity.ChainID(diffs).String())
	if err != nil {
		return nil, err
	}
	return MountedDirs(mounts), sn.Remove(ctx, key)
}

// MountedDirs are the lower directories of a view's mounts.
func MountedDirs(mounts []mount.Mount) []string {
	for _, m := range mounts {
		for _, o := range m.Options {
			if dirs, ok := strings.CutPrefix(o, "lowerdir="); ok {
				return strings.Split(dirs, ":")
			}
		}
		if m.Type == "bind" {
			return []string{m.Source}
		}
	}
	return nil
}

// OnLazy tells whether any of the directories is a lazy layer: on FUSE, or an EROFS
// image.
func OnLazy(dirs []string) (bool, error) {
	for _, d := range dirs {
		var st unix.Statfs_t
		if err := unix.Statfs(d, &st); err != nil {
			return false, fmt.Errorf("statfs %s: %w", d, err)
		}
		if st.Type == unix.FUSE_SUPER_MAGIC || st.Type == unix.EROFS_SUPER_MAGIC_V1 {
			return true, nil
		}
	}
	return false, nil
}
