// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// openTries is how often a lookup that raced with a change is made.
const openTries = 10

// below is the lower directories of a layer, the uppermost first. Its lookups
// stay inside of each: they treat symbolic links as a container would that has
// the directory as its root.
type below struct {
	lowers []*os.File
	absent []string // for each the directory that was missing last
}

// openBelow opens the directories. The caller closes the result.
func openBelow(dirs []string) (*below, error) {
	b := &below{absent: make([]string, len(dirs))}
	for _, dir := range dirs {
		f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lower directory: %w", err), b.close())
		}
		b.lowers = append(b.lowers, f)
	}
	return b, nil
}

func (b *below) close() error {
	var err error
	for _, f := range b.lowers {
		err = errors.Join(err, f.Close())
	}
	return err
}

// root is about the uppermost root directory.
func (b *below) root() (st unix.Stat_t, err error) {
	err = unix.Fstat(int(b.lowers[0].Fd()), &st)
	return st, err
}

// find looks for a directory the way unpacking does (package archive of
// containerd, WithParents): the uppermost that has it counts; ok is false if
// none has, or if the uppermost has something else, such as a whiteout.
func (b *below) find(dir string) (a attributes, ok bool, err error) {
	for i, lower := range b.lowers {
		if gone := b.absent[i]; gone != "" && strings.HasPrefix(dir, gone+"/") {
			continue // as is the directory around it
		}
		fd, err := openInside(int(lower.Fd()), dir)
		switch {
		case errors.Is(err, unix.ENOENT):
			b.absent[i] = dir
			continue
		case errors.Is(err, unix.ENOTDIR):
			return a, false, nil
		case err != nil:
			return a, false, err
		}
		a, err = attributesOf(fd)
		return a, err == nil, errors.Join(err, unix.Close(fd))
	}
	return a, false, nil
}

// openInside opens a directory at a path that does not leave root.
func openInside(root int, path string) (fd int, err error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for range openTries {
		fd, err = unix.Openat2(root, path, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return fd, err
}

// copiedXattr is the name of an xattr that unpacking would copy, "" if there
// is none. Those of the host do not count: overlayfs's, and SELinux's label,
// which files get from where they are.
func copiedXattr(fd int) (string, error) {
	size, err := unix.Flistxattr(fd, nil)
	if errors.Is(err, unix.EOPNOTSUPP) || (err == nil && size == 0) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return "", err
	}
	for name := range bytes.SplitSeq(list[:size], []byte{0}) {
		if n := string(name); n != "" && n != "security.selinux" &&
			!strings.HasPrefix(n, "trusted.") && !strings.HasPrefix(n, "user.overlay.") {
			return n, nil
		}
	}
	return "", nil
}
