// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

// pull prepares a layer: lazy if possible, else unpacked by us, else left to
// containerd. One target is worked on once at a time.
func (s *Snapshotter) pull(ctx context.Context, q request, t target) ([]mount.Mount, error) {
	unlock, err := s.targets.Lock(ctx, t.chain)
	if err != nil {
		return nil, err
	}
	defer unlock()
	name, exists, err := s.findTarget(ctx, t, q.parent)
	switch {
	case exists:
		return nil, fmt.Errorf("target snapshot %s: %w", t.chain, errdefs.ErrAlreadyExists)
	case err != nil && !errors.Is(err, index.ErrNotLazy):
		return nil, err
	}
	q.kind = snapshots.KindActive
	r, parents, insertErr := s.insert(ctx, q)
	if insertErr != nil {
		return nil, insertErr
	}
	p := &pulled{s: s, target: t, name: name, taken: err, record: r, parents: parents}
	mounts, err := p.prepare(ctx)
	if err != nil && !p.done {
		s.discard(ctx, r)
	}
	return mounts, err
}

// findTarget looks for the layer among the committed snapshots and returns
// the name to commit it under. The name is the chain id, unless a snapshot of
// that chain id sits on another parent: backend names of parents differ from
// namespace to namespace, and containerd insists on its own.
//
// Nobody has compared a lazy layer with its DiffID, so that a hostile image can
// have its files under the chain id of another. A lazy snapshot of another layer
// is index.ErrNotLazy therefore: containerd unpacks this one and compares.
func (s *Snapshotter) findTarget(ctx context.Context, t target, parent string) (name string, exists bool, err error) {
	if t.rebase {
		return "", false, nil
	}
	names := []string{t.chain, t.chain + "-" + digest.FromString(parent).Encoded()[:16]}
	err = s.view(ctx, func(ctx context.Context) error {
		for _, name = range names {
			r, err := readRecord(ctx, name)
			if errdefs.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			exists = r.info.Kind == snapshots.KindCommitted && r.info.Parent == parent &&
				r.info.Labels[index.LabelTarget] == t.chain
			if layer := r.lazyLayer(); exists && layer != "" && layer != t.ref.Layer {
				exists = false
				return fmt.Errorf("%w: snapshot %s has its chain id, but shows layer %s", index.ErrNotLazy, name, layer)
			}
			if exists {
				return nil
			}
		}
		return fmt.Errorf("snapshot names %q are taken: %w", names, errdefs.ErrFailedPrecondition)
	})
	return name, exists, err
}

// pulled is a layer on its way.
type pulled struct {
	s       *Snapshotter
	target  target
	name    string // to commit under
	taken   error  // why there is no name; nil if there is
	record  record
	parents []record
	done    bool // committed: an error no longer means to discard
}

func (p *pulled) prepare(ctx context.Context) ([]mount.Mount, error) {
	if p.taken != nil {
		return p.ordinary(ctx, p.taken)
	}
	err := p.s.fsys.Mount(ctx, p.target.ref, p.record.id)
	if err == nil {
		if err = p.checkFits(ctx); err == nil {
			return p.lazy(ctx)
		}
		p.s.release(ctx, p.target.ref.Layer, p.record.id)
	}
	if ctx.Err() != nil {
		return nil, err
	}
	if errors.Is(err, index.ErrNotLazy) {
		log.G(ctx).WithError(err).WithFields(log.Fields{
			"image": p.target.ref.Image, "layer": p.target.ref.Layer,
		}).Info("unpack layer that cannot be lazy")
		mounts, finished, uerr := p.unpack(ctx, err)
		if finished {
			return mounts, uerr
		}
		err = errors.Join(err, uerr)
	}
	return p.ordinary(ctx, err)
}

// checkFits says whether the mounted layer may stay lazy above the parents.
func (p *pulled) checkFits(ctx context.Context) error {
	if err := p.s.checkLayers(ctx, p.parents); err != nil {
		return err
	}
	if p.target.rebase {
		return p.s.fsys.FitsAny(ctx, p.target.ref.Layer)
	}
	return p.s.fsys.Fits(ctx, p.target.ref.Layer, p.s.lowersOf(p.parents))
}

// lazy finishes a layer that is mounted.
func (p *pulled) lazy(ctx context.Context) ([]mount.Mount, error) {
	layer := p.target.ref.Layer
	err := ctx.Err()
	var mounts []mount.Mount
	if err == nil {
		mounts, err = p.finish(ctx, snapshots.Usage{}, map[string]string{
			index.LabelRemote:    index.LabelRemoteValue,
			index.LabelLazyLayer: layer.String(),
		})
	}
	if err != nil && !p.done {
		p.s.release(ctx, layer, p.record.id)
	}
	return mounts, err
}

// finish stores the result: committed, with ErrAlreadyExists, or staged.
func (p *pulled) finish(ctx context.Context, usage snapshots.Usage, own map[string]string) ([]mount.Mount, error) {
	own[index.LabelHasIndex] = "true"
	if ns, ok := namespaces.Namespace(ctx); ok {
		own[index.LabelNamespace] = ns
	}
	if p.target.rebase {
		own[labelStaged] = "true"
		if err := p.s.setOwn(ctx, &p.record, own); err != nil {
			return nil, err
		}
		return p.s.mounts(p.record, nil)
	}
	labels := withOwn(p.record.info.Labels, own)
	err := p.s.update(ctx, func(ctx context.Context) error {
		_, err := storage.CommitActive(ctx, p.record.info.Name, p.name, usage, snapshots.WithLabels(labels))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("commit target snapshot %s: %w", p.name, err)
	}
	p.done = true
	return nil, fmt.Errorf("target snapshot %s: %w", p.target.chain, errdefs.ErrAlreadyExists)
}

// ordinary leaves the layer to containerd and says why.
func (p *pulled) ordinary(ctx context.Context, reason error) ([]mount.Mount, error) {
	p.s.explain(ctx, p.target, reason)
	own := map[string]string{index.LabelReason: shorten(reason.Error())}
	if err := p.s.setOwn(ctx, &p.record, own); err != nil {
		return nil, err
	}
	return p.s.finishOrdinary(ctx, p.record, p.parents)
}

// explain warns once for each image that it is not lazy, and why. An image whose
// manifest is not known is taken for another one by each chain id.
func (s *Snapshotter) explain(ctx context.Context, t target, reason error) {
	ref := t.ref
	if !s.told.First(cmp.Or(ref.Manifest.String(), t.chain)) {
		return
	}
	why := shorten(reason.Error())
	log.G(ctx).WithFields(log.Fields{"image": ref.Image, "error": why}).Warn("image is not loaded lazily")
	if s.options.OnFallback != nil {
		s.options.OnFallback(ref, why)
	}
}
