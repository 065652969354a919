// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/continuity/fs"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/below"
)

// parents makes the directories that an archive leaves out, before
// archive.Apply would: that asks directories for what is below
// (WithParents), which could only be mounts of this process.
type parents struct {
	root  string // where the layer goes
	below *below.Stack
}

// make makes what is missing above an entry. It is a filter that accepts all.
func (p parents) make(h *tar.Header) (bool, error) {
	dir, err := fs.RootPath(p.root, filepath.Dir(h.Name))
	if err != nil {
		return false, fmt.Errorf("parent of %.100q: %w", h.Name, err)
	}
	return true, p.mkdir(dir)
}

// mkdir makes a directory of the layer, and those above it. Whether what is
// there already is a directory, is for archive.Apply to find.
func (p parents) mkdir(dir string) error {
	if dir == p.root {
		return nil
	}
	if _, err := os.Lstat(dir); !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	if err := p.mkdir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755)); err != nil { // whatever the umask
		return err
	}
	d, ok, err := p.below.Find(dir[len(p.root)+1:])
	if err != nil || !ok {
		return err
	}
	if err := set(dir, d); err != nil {
		return fmt.Errorf("attributes of %s: %w", dir, err)
	}
	return nil
}

// set gives a directory the attributes of another one, as archive.Apply would.
func set(dir string, d below.Directory) error {
	times := []unix.Timespec{d.Atime, d.Mtime}
	err := errors.Join(os.Lchown(dir, int(d.UID), int(d.GID)), unix.Chmod(dir, d.Mode),
		unix.UtimesNanoAt(unix.AT_FDCWD, dir, times, unix.AT_SYMLINK_NOFOLLOW))
	if err != nil {
		return err
	}
	for _, x := range d.Xattrs {
		err := unix.Lsetxattr(dir, x.Name, []byte(x.Value), unix.XATTR_CREATE)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("xattr %.100q: %w", x.Name, err)
		}
	}
	return nil
}
