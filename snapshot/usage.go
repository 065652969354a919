// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"

	"github.com/containerd/containerd/v2/core/snapshots"
)

// Usage is what a snapshot occupies on disk, without its parents: measured now
// for an active one and for one that did not stay lazy, what has arrived so far for
// a lazy one.
func (s *Snapshotter) Usage(ctx context.Context, key string) (snapshots.Usage, error) {
	r, err := s.record(ctx, key)
	if err != nil {
		return snapshots.Usage{}, err
	}
	if layer := r.lazyLayer(); layer != "" {
		bytes, inodes, err := s.fsys.Usage(ctx, layer)
		return snapshots.Usage{Size: bytes, Inodes: inodes}, err
	}
	if r.info.Kind == snapshots.KindActive || r.unpacked() {
		return s.diskUsage(ctx, r.id)
	}
	return r.usage, nil
}
