// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
)

// Mounts returns the mounts of an active or view snapshot. They are computed
// at each call: the directory of a layer changes when it becomes whole.
func (s *Snapshotter) Mounts(ctx context.Context, key string) ([]mount.Mount, error) {
	r, parents, err := s.chain(ctx, key)
	if err != nil {
		return nil, err
	}
	if r.info.Kind != snapshots.KindActive && r.info.Kind != snapshots.KindView {
		return nil, fmt.Errorf("snapshot %s is committed: %w", key, errdefs.ErrFailedPrecondition)
	}
	lowers, err := s.lowerDirs(ctx, parents)
	if err != nil {
		return nil, err
	}
	return s.mounts(r, lowers)
}

func (s *Snapshotter) mounts(r record, lowers []string) ([]mount.Mount, error) {
	view := r.info.Kind == snapshots.KindView
	switch {
	case r.staged():
		dir := s.upperDir(r.id)
		if layer := r.lazyLayer(); layer != "" {
			var err error
			if dir, err = s.fsys.Dir(layer); err != nil {
				return nil, fmt.Errorf("directory of layer %s: %w", layer, err)
			}
		}
		return bind(dir, "ro"), nil
	case r.rebased():
		// No parent yet, but the client must write whiteouts as overlayfs
		// wants them; it looks for an upper directory to know that.
		return s.overlayMount("upperdir=" + s.upperDir(r.id)), nil
	case len(lowers) == 0 && view:
		return bind(s.upperDir(r.id), "ro"), nil
	case len(lowers) == 0:
		return bind(s.upperDir(r.id), "rw"), nil
	case len(lowers) == 1 && view:
		return bind(lowers[0], "ro"), nil
	}
	var options []string
	if !view {
		options = append(options, "workdir="+s.workDir(r.id), "upperdir="+s.upperDir(r.id))
	}
	return s.overlayMount(append(options, "lowerdir="+strings.Join(lowers, ":"))...), nil
}

func (s *Snapshotter) overlayMount(options ...string) []mount.Mount {
	return []mount.Mount{{Type: "overlay", Source: "overlay", Options: append(options, s.overlay...)}}
}

func bind(dir, access string) []mount.Mount {
	return []mount.Mount{{Type: "bind", Source: dir, Options: []string{access, "rbind"}}}
}
