// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import "github.com/spryd/spry/index"

// Options tune a Snapshotter. The zero value is a good choice.
type Options struct {
	// AsyncRemove leaves directories and layers of removed snapshots to
	// Cleanup, which containerd calls after each garbage collection.
	AsyncRemove bool
	// MountOptions are added to every overlay mount.
	MountOptions []string
	// RestoreParallel bounds the layers mounted at the same time at start;
	// 0 means 8.
	RestoreParallel int
	// OnFallback, if not nil, is told once for each image why it is not
	// loaded lazily, together with the warning in the log. It must not block.
	OnFallback func(ref index.LayerRef, reason string)
}

const defaultRestoreParallel = 8

func (o Options) restoreParallel() int {
	if o.RestoreParallel > 0 {
		return o.RestoreParallel
	}
	return defaultRestoreParallel
}
