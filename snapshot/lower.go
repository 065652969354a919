// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/index"
)

// checkParallel bounds the layers checked at the same time for one mount.
const checkParallel = 8

// lowerDirs returns the directories of parents, uppermost first, after making
// sure that each can be used. A directory that occurs twice is kept at its
// uppermost place: overlayfs refuses repetition, and the upper one hides
// everything the lower one has.
func (s *Snapshotter) lowerDirs(ctx context.Context, parents []record) ([]string, error) {
	if err := s.checkLayers(ctx, parents); err != nil {
		return nil, err
	}
	dirs, err := s.dirsOf(parents, s.fsys.Dir)
	if err != nil || len(strings.Join(dirs, ":")) <= maxLower {
		return dirs, err
	}
	return s.dirsOf(parents, s.fsys.Short)
}

// maxLower is how long the list of lower directories may be before short paths
// are taken: mount(2) takes a page of options in all.
const maxLower = 2048

// dirsOf lists the directories of parents, without repetition; layerDir is the
// one that shows a lazy layer.
func (s *Snapshotter) dirsOf(parents []record, layerDir func(digest.Digest) (string, error)) ([]string, error) {
	dirs := make([]string, 0, len(parents))
	for _, r := range parents {
		dir := s.upperDir(r.id)
		if layer := r.lazyLayer(); layer != "" {
			var err error
			if dir, err = layerDir(layer); err != nil {
				return nil, fmt.Errorf("directory of layer %s: %w", layer, err)
			}
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// lowersOf names what parents show, without a path to any mount of ours.
func (s *Snapshotter) lowersOf(parents []record) []index.Lower {
	lowers := make([]index.Lower, len(parents))
	for i, r := range parents {
		if lowers[i].Layer = r.lazyLayer(); lowers[i].Layer == "" {
			lowers[i].Dir = s.upperDir(r.id)
		}
	}
	return lowers
}

// checkLayers checks each lazy layer once. What cannot be lazy any more is
// unpacked, from the bottom up, and its record in parents says so then.
func (s *Snapshotter) checkLayers(ctx context.Context, parents []record) error {
	failed := s.failing(ctx, parents)
	for i, r := range slices.Backward(parents) {
		err := failed[r.lazyLayer()]
		if err == nil {
			continue
		}
		if ctx.Err() == nil && (errors.Is(err, index.ErrNotLazy) || errors.Is(err, index.ErrNoIndex)) {
			err = s.unpackLate(ctx, parents[i:], err)
		}
		if err != nil {
			return fmt.Errorf("layer %s of snapshot %s: %w", r.lazyLayer(), r.info.Name, err)
		}
	}
	return s.checkChains(parents)
}

// checkChains compares lazy layers of which it is known with the chain ids of their
// snapshots: that of a hostile image may be another image's.
func (s *Snapshotter) checkChains(parents []record) error {
	for i, r := range parents {
		layer, chain := r.lazyLayer(), r.info.Labels[index.LabelTarget]
		if layer == "" || chain == "" || i+1 < len(parents) && parents[i+1].info.Labels[index.LabelTarget] == "" {
			continue // of a client that does not say chain ids
		}
		if err := checkDiffID(r, parents[i+1:], chain, s.fsys.DiffID(layer)); err != nil {
			return fmt.Errorf("image %s lies about layer %s, remove it: snapshot %s: %w: %w",
				r.info.Labels[index.LabelImage], layer, r.info.Name, err, errdefs.ErrFailedPrecondition)
		}
	}
	return nil
}

// failing are the lazy layers of parents that cannot be used, and why.
func (s *Snapshotter) failing(ctx context.Context, parents []record) map[digest.Digest]error {
	var mu sync.Mutex // guards failed
	failed := make(map[digest.Digest]error)
	seen := make(map[digest.Digest]bool)
	var g errgroup.Group
	g.SetLimit(checkParallel)
	for _, r := range parents {
		layer := r.lazyLayer()
		if layer == "" || seen[layer] {
			continue
		}
		seen[layer] = true
		g.Go(func() error {
			if err := s.checkLayer(ctx, r); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[layer] = err
			}
			return nil
		})
	}
	_ = g.Wait()
	return failed
}

// checkLayer checks a lazy layer and mounts it anew if that may help: its
// state on this host may have been lost while its snapshot was not.
func (s *Snapshotter) checkLayer(ctx context.Context, r record) error {
	err := s.fsys.Check(ctx, r.lazyLayer())
	if err == nil || ctx.Err() != nil {
		return err
	}
	ref, refErr := parseRef(r.info.Labels)
	if refErr != nil || ref.Layer != r.lazyLayer() {
		return err
	}
	if mountErr := s.fsys.Mount(ctx, ref, r.id); mountErr != nil {
		return errors.Join(err, mountErr)
	}
	return s.fsys.Check(ctx, r.lazyLayer())
}
