// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/errdefs"
)

// garbage holds removed snapshots until Cleanup. A crash loses it, which is
// why start looks for layers without owners and directories without records.
type garbage struct {
	mu      sync.Mutex
	records []record // guarded by mu
}

func (g *garbage) add(r record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.records = append(g.records, r)
}

func (g *garbage) take() []record {
	g.mu.Lock()
	defer g.mu.Unlock()
	records := g.records
	g.records = nil
	return records
}

// Cleanup frees the disk space of removed snapshots.
func (s *Snapshotter) Cleanup(ctx context.Context) error {
	for _, r := range s.garbage.take() {
		s.free(context.WithoutCancel(ctx), r)
	}
	return s.removeOrphans(ctx)
}

// removeOrphans removes directories without a record. It lists them before it
// reads the records, so the directory of a snapshot made meanwhile, whose
// record came first, is not mistaken for one.
func (s *Snapshotter) removeOrphans(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(s.root, "snapshots"))
	if err != nil {
		return err
	}
	var ids map[string]string
	err = s.view(ctx, func(ctx context.Context) error {
		ids, err = storage.IDMap(ctx)
		return err
	})
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	for _, e := range entries {
		if _, ok := ids[e.Name()]; !ok {
			s.removeDir(ctx, e.Name())
		}
	}
	return nil
}
