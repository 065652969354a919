// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"

	"github.com/spryd/spry/index"
)

// Prepare creates an active snapshot on top of parent. If it is part of a pull
// and the layer can be had without containerd's help, it is committed under
// its target instead and the error is errdefs.ErrAlreadyExists.
func (s *Snapshotter) Prepare(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	info, err := labelsOf(opts)
	if err != nil {
		return nil, err
	}
	t, err := parseTarget(info.Labels, parent)
	if err == nil && t.chain != "" {
		return s.pull(ctx, request{key: key, parent: parent, labels: info.Labels}, t)
	}
	if err != nil {
		if t.ref.Manifest != "" || parent == "" && !t.rebase { // an image without a name is told of by its lowest layer
			s.explain(ctx, t, err)
		}
		if info.Labels == nil {
			info.Labels = make(map[string]string)
		}
		info.Labels[index.LabelReason] = shorten(err.Error())
	}
	return s.create(ctx, request{kind: snapshots.KindActive, key: key, parent: parent, labels: info.Labels})
}

// View creates a read-only snapshot of parent.
func (s *Snapshotter) View(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	info, err := labelsOf(opts)
	if err != nil {
		return nil, err
	}
	return s.create(ctx, request{kind: snapshots.KindView, key: key, parent: parent, labels: info.Labels})
}

// request is a Prepare or View.
type request struct {
	kind        snapshots.Kind
	key, parent string
	labels      map[string]string
}

// create makes an ordinary snapshot.
func (s *Snapshotter) create(ctx context.Context, q request) ([]mount.Mount, error) {
	r, parents, err := s.insert(ctx, q)
	if err != nil {
		return nil, err
	}
	mounts, err := s.finishOrdinary(ctx, r, parents)
	if err != nil {
		s.discard(ctx, r)
		return nil, err
	}
	return mounts, nil
}

// insert writes the record of a new snapshot; it has no directory yet.
func (s *Snapshotter) insert(ctx context.Context, q request) (r record, parents []record, err error) {
	for _, label := range []string{snapshots.LabelSnapshotUIDMapping, snapshots.LabelSnapshotGIDMapping} {
		if q.labels[label] != "" {
			return r, nil, fmt.Errorf("snapshot %s: label %s: %w", q.key, label, errdefs.ErrNotImplemented)
		}
	}
	err = s.update(ctx, func(ctx context.Context) error {
		_, err := storage.CreateSnapshot(ctx, q.kind, q.key, q.parent, snapshots.WithLabels(q.labels))
		if err != nil {
			return err
		}
		if r, err = readRecord(ctx, q.key); err != nil {
			return err
		}
		parents, err = readParents(ctx, q.parent)
		return err
	})
	return r, parents, err
}

// finishOrdinary gives a new record its directory and mounts.
func (s *Snapshotter) finishOrdinary(ctx context.Context, r record, parents []record) ([]mount.Mount, error) {
	lowers, err := s.lowerDirs(ctx, parents)
	if err != nil {
		return nil, err
	}
	if err := s.makeDirs(r, parents); err != nil {
		return nil, err
	}
	return s.mounts(r, lowers)
}

// discard removes a snapshot that was not handed out. It works although ctx
// may be over; what it cannot remove is left to Cleanup.
func (s *Snapshotter) discard(ctx context.Context, r record) {
	ctx = context.WithoutCancel(ctx)
	err := s.update(ctx, func(ctx context.Context) error {
		_, _, err := storage.Remove(ctx, r.info.Name)
		return err
	})
	if err != nil && !errdefs.IsNotFound(err) {
		log.G(ctx).WithError(err).WithField("snapshot", r.info.Name).Warn("abandoned snapshot stays")
		return
	}
	s.removeDir(ctx, r.id)
}
