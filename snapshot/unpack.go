// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/continuity/fs"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"

	"github.com/spryd/spry/index"
)

// unpack fills the snapshot's own directory with the layer. If it is not
// finished the snapshot is as if nothing had happened and err says why.
func (p *pulled) unpack(ctx context.Context, reason error) (mounts []mount.Mount, finished bool, err error) {
	s := p.s
	if err := s.checkLayers(ctx, p.parents); err != nil {
		return nil, true, err
	}
	if err := s.makeDirs(p.record, p.parents); err != nil {
		return nil, true, err
	}
	dir := s.upperDir(p.record.id)
	usage, err := p.fill(ctx, dir)
	if err != nil {
		if cleanErr := s.emptyDirs(p.record.id); cleanErr != nil || ctx.Err() != nil {
			return nil, true, errors.Join(err, cleanErr)
		}
		return nil, false, err
	}
	mounts, err = p.finish(ctx, usage, map[string]string{index.LabelReason: shorten(reason.Error())})
	return mounts, true, err
}

// unpackLate gives the first of chain, a committed snapshot, its own files, as its
// layer cannot be lazy any more, for reason; the others are below it. It updates
// the record. The snapshot keeps the layer, which containers may still read.
func (s *Snapshotter) unpackLate(ctx context.Context, chain []record, reason error) error {
	r, parents := &chain[0], chain[1:]
	unlock, err := s.unpacks.Lock(ctx, r.id)
	if err != nil {
		return err
	}
	defer unlock()
	if *r, err = s.record(ctx, r.info.Name); err != nil || r.unpacked() {
		return err
	}
	p := &pulled{s: s, target: target{chain: r.info.Labels[index.LabelTarget]}, record: *r, parents: parents}
	if p.target.ref, err = parseRef(r.info.Labels); err != nil {
		return errors.Join(reason, err)
	}
	err = s.emptyDirs(r.id) // of an attempt that did not end
	if err == nil {
		err = s.makeDirs(*r, parents)
	}
	if err == nil {
		_, err = p.fill(ctx, s.upperDir(r.id))
	}
	if err != nil {
		return errors.Join(reason, err, s.emptyDirs(r.id))
	}
	log.G(ctx).WithError(reason).WithFields(log.Fields{"layer": p.target.ref.Layer, "snapshot": r.info.Name}).
		Warn("layer that cannot be lazy any more was unpacked")
	return s.setOwn(ctx, r, map[string]string{
		labelUnpacked: "true", index.LabelRemote: "", index.LabelReason: shorten(reason.Error()),
	})
}

// fill unpacks and proves that the result is the layer of the target.
func (p *pulled) fill(ctx context.Context, dir string) (snapshots.Usage, error) {
	diffID, err := p.s.fsys.Unpack(ctx, p.target.ref, dir, p.s.lowersOf(p.parents))
	if err != nil {
		return snapshots.Usage{}, fmt.Errorf("unpack layer %s: %w", p.target.ref.Layer, err)
	}
	if err := checkDiffID(p.record, p.parents, p.target.chain, diffID); err != nil {
		return snapshots.Usage{}, fmt.Errorf("unpack layer %s: %w", p.target.ref.Layer, err)
	}
	du, err := fs.DiskUsage(ctx, dir)
	return snapshots.Usage(du), err
}

// checkDiffID compares the DiffID of what r shows above parents with the chain id
// that it is found by.
// Without this an image could put its own files under the chain id of another
// image, which the next pull of that image would trust.
func checkDiffID(r record, parents []record, want string, got digest.Digest) error {
	if got == "" {
		return nil
	}
	below := r.info.Labels[labelParentChain]
	if len(parents) > 0 {
		below = parents[0].info.Labels[index.LabelTarget]
		if below == "" {
			return fmt.Errorf("parent snapshot %s has no chain id", parents[0].info.Name)
		}
	}
	chain := []digest.Digest{got}
	if below != "" {
		chain = []digest.Digest{digest.Digest(below), got}
	}
	if have := identity.ChainID(chain); have.String() != want {
		return fmt.Errorf("DiffID %s: chain id is %s, want %s", got, have, want)
	}
	return nil
}
