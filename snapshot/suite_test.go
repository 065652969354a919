// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"context"
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/testsuite"

	"github.com/spryd/spry/snapshot"
)

// TestSuite is containerd's own suite for overlay snapshotters.
func TestSuite(t *testing.T) {
	fsys := newFakeFS(t)
	testsuite.SnapshotterSuite(t, "overlayfs", func(ctx context.Context, root string) (snapshots.Snapshotter, func() error, error) {
		sn, err := snapshot.New(ctx, root, fsys, snapshot.Options{AsyncRemove: true})
		if err != nil {
			return nil, nil, err
		}
		return sn, sn.Close, nil
	})
}
