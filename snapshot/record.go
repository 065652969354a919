// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

// record is a snapshot as the metadata has it.
type record struct {
	id    string
	info  snapshots.Info
	usage snapshots.Usage
}

// lazyLayer is the layer that the snapshot shows, "" if it has its own files.
func (r record) lazyLayer() digest.Digest {
	if r.unpacked() {
		return ""
	}
	return r.heldLayer()
}

// heldLayer is the layer that the snapshot is an owner of: the one that it shows,
// or showed before it was unpacked, as containers of that time still read it.
func (r record) heldLayer() digest.Digest {
	return digest.Digest(r.info.Labels[index.LabelLazyLayer])
}

// unpacked says that the snapshot was lazy and has its own files now.
func (r record) unpacked() bool { return r.info.Labels[labelUnpacked] != "" }

// staged says that the snapshot is active but already holds its layer.
func (r record) staged() bool {
	return r.info.Kind == snapshots.KindActive && r.info.Labels[labelStaged] != ""
}

// rebased says that the snapshot gets its parent only when it is committed.
func (r record) rebased() bool {
	return r.info.Kind == snapshots.KindActive && isRebase(r.info.Labels, r.info.Parent)
}

func (s *Snapshotter) view(ctx context.Context, fn storage.TransactionCallback) error {
	return s.meta.WithTransaction(ctx, false, fn)
}

func (s *Snapshotter) update(ctx context.Context, fn storage.TransactionCallback) error {
	return s.meta.WithTransaction(ctx, true, fn)
}

// readRecord needs a transaction in ctx.
func readRecord(ctx context.Context, key string) (r record, err error) {
	r.id, r.info, r.usage, err = storage.GetInfo(ctx, key)
	return r, err
}

func (s *Snapshotter) record(ctx context.Context, key string) (r record, err error) {
	err = s.view(ctx, func(ctx context.Context) error {
		r, err = readRecord(ctx, key)
		return err
	})
	return r, err
}

// chain returns a snapshot and its ancestors, the direct parent first.
func (s *Snapshotter) chain(ctx context.Context, key string) (top record, parents []record, err error) {
	err = s.view(ctx, func(ctx context.Context) error {
		if top, err = readRecord(ctx, key); err != nil {
			return err
		}
		parents, err = readParents(ctx, top.info.Parent)
		return err
	})
	return top, parents, err
}

// readParents needs a transaction in ctx.
func readParents(ctx context.Context, name string) ([]record, error) {
	var parents []record
	for name != "" {
		r, err := readRecord(ctx, name)
		if err != nil {
			return nil, err
		}
		parents = append(parents, r)
		name = r.info.Parent
	}
	return parents, nil
}
