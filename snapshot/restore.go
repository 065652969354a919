// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/log"
	"golang.org/x/sync/errgroup"
)

// restore brings back the layers of all snapshots that hold one. One that fails is
// tried again when a container wants it.
func (s *Snapshotter) restore(ctx context.Context) error {
	lazy, err := s.lazyRecords(ctx)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(s.options.restoreParallel())
	for _, r := range lazy {
		g.Go(func() error {
			if err := s.fsys.Restore(ctx, r.heldLayer(), r.id); err != nil {
				log.G(ctx).WithError(err).WithFields(log.Fields{
					"layer": r.heldLayer(), "snapshot": r.info.Name,
				}).Warn("layer is not mounted again")
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.fsys.Sweep(ctx); err != nil {
		log.G(ctx).WithError(err).Warn("layers without owners stay")
	}
	return s.removeOrphans(ctx)
}

func (s *Snapshotter) lazyRecords(ctx context.Context) ([]record, error) {
	var lazy []record
	err := s.Walk(ctx, func(ctx context.Context, info snapshots.Info) error {
		r, err := readRecord(ctx, info.Name)
		if err == nil && r.heldLayer() != "" {
			lazy = append(lazy, r)
		}
		return err
	})
	return lazy, err
}
