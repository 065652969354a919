// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/continuity/fs"
)

// Commit turns an active snapshot into a committed one. What we know about it
// (a staged layer, why it is not lazy) is kept.
func (s *Snapshotter) Commit(ctx context.Context, name, key string, opts ...snapshots.Opt) error {
	info, err := labelsOf(opts)
	if err != nil {
		return err
	}
	r, err := s.record(ctx, key)
	if err != nil {
		return err
	}
	var usage snapshots.Usage
	if r.info.Kind == snapshots.KindActive && r.lazyLayer() == "" {
		if usage, err = s.diskUsage(ctx, r.id); err != nil {
			return err
		}
	}
	return s.update(ctx, func(ctx context.Context) error {
		r, err := readRecord(ctx, key)
		if err != nil {
			return err
		}
		labels := withOwn(info.Labels, r.info.Labels)
		delete(labels, labelStaged)
		_, err = storage.CommitActive(ctx, key, name, usage,
			snapshots.WithLabels(labels), snapshots.WithParent(info.Parent))
		if err != nil {
			return fmt.Errorf("commit snapshot %s: %w", key, err)
		}
		return nil
	})
}

func (s *Snapshotter) diskUsage(ctx context.Context, id string) (snapshots.Usage, error) {
	du, err := fs.DiskUsage(ctx, s.upperDir(id))
	return snapshots.Usage(du), err
}
