// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
)

// Update changes the labels of a snapshot. Labels that this package writes
// stay as they are.
func (s *Snapshotter) Update(ctx context.Context, info snapshots.Info, fieldpaths ...string) (updated snapshots.Info, err error) {
	err = s.update(ctx, func(ctx context.Context) error {
		r, err := readRecord(ctx, info.Name)
		if err != nil {
			return err
		}
		paths := slices.DeleteFunc(slices.Clone(fieldpaths), isOwnPath)
		if len(paths) == 0 && len(fieldpaths) > 0 {
			updated = r.info
			return nil
		}
		info.Labels = maps.Clone(info.Labels)
		maps.DeleteFunc(info.Labels, func(k, _ string) bool { return isOwn(k) })
		info.Labels = withOwn(info.Labels, r.info.Labels)
		updated, err = storage.UpdateInfo(ctx, info, paths...)
		return err
	})
	return updated, err
}

func isOwnPath(fieldpath string) bool {
	key, ok := strings.CutPrefix(fieldpath, "labels.")
	return ok && isOwn(key)
}

// setOwn adds own labels to a snapshot and to r; those without a value go.
func (s *Snapshotter) setOwn(ctx context.Context, r *record, own map[string]string) error {
	return s.update(ctx, func(ctx context.Context) error {
		labels := withOwn(r.info.Labels, own)
		maps.DeleteFunc(labels, func(k, v string) bool { return v == "" && isOwn(k) })
		info, err := storage.UpdateInfo(ctx, snapshots.Info{Name: r.info.Name, Labels: labels}, "labels")
		if err == nil {
			r.info = info
		}
		return err
	})
}
