// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/log"
)

// makeDirs creates the directories of a snapshot whose record exists. The
// upper directory gets the owner of the lower one it will cover; that of a lazy
// layer is ours, 0:0, and is not looked at: it may be a mount of this process.
func (s *Snapshotter) makeDirs(r record, parents []record) error {
	if err := os.Mkdir(s.dir(r.id), 0o700); err != nil {
		return err
	}
	if err := mkdirMode(s.upperDir(r.id), 0o755); err != nil {
		return err
	}
	if len(parents) > 0 && parents[0].lazyLayer() == "" {
		if err := copyOwner(s.upperDir(parents[0].id), s.upperDir(r.id)); err != nil {
			return err
		}
	}
	if r.info.Kind != snapshots.KindActive {
		return nil
	}
	return mkdirMode(s.workDir(r.id), 0o711)
}

// emptyDirs removes the directories again.
func (s *Snapshotter) emptyDirs(id string) error { return os.RemoveAll(s.dir(id)) }

// removeDir removes a directory that has no record. Failure is not an error
// for the caller: Cleanup tries again.
func (s *Snapshotter) removeDir(ctx context.Context, id string) {
	if err := os.RemoveAll(s.dir(id)); err != nil {
		log.G(ctx).WithError(err).WithField("snapshot", id).Warn("directory of a removed snapshot stays")
	}
}

// mkdirMode is Mkdir whatever the umask is.
func mkdirMode(dir string, mode os.FileMode) error {
	if err := os.Mkdir(dir, mode); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

func copyOwner(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("owner of lower directory: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("owner of lower directory: unknown")
	}
	return os.Lchown(to, int(st.Uid), int(st.Gid))
}
