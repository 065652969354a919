// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
)

// Remove removes a snapshot that has no children. Once its record is gone it
// succeeds: what cannot be freed now is freed by Cleanup or at the next start.
func (s *Snapshotter) Remove(ctx context.Context, key string) error {
	var r record
	err := s.update(ctx, func(ctx context.Context) error {
		var err error
		if r, err = readRecord(ctx, key); err != nil {
			return err
		}
		if _, _, err = storage.Remove(ctx, key); err != nil {
			return fmt.Errorf("remove snapshot %s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.options.AsyncRemove {
		s.garbage.add(r)
		return nil
	}
	s.free(context.WithoutCancel(ctx), r)
	return nil
}

// free gives back what a removed snapshot had.
func (s *Snapshotter) free(ctx context.Context, r record) {
	if layer := r.heldLayer(); layer != "" {
		s.release(ctx, layer, r.id)
	}
	s.removeDir(ctx, r.id)
}

// release drops a snapshot's hold on a layer, although ctx may be over.
func (s *Snapshotter) release(ctx context.Context, layer digest.Digest, owner string) {
	if err := s.fsys.Release(context.WithoutCancel(ctx), layer, owner); err != nil {
		log.G(ctx).WithError(err).WithFields(log.Fields{"layer": layer, "snapshot": owner}).
			Warn("layer of a removed snapshot stays")
	}
}
