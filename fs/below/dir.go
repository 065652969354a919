// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package below

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// openTries is how often a lookup that raced with a change is made.
const openTries = 10

// Dir is a layer that is a directory of files.
func Dir(root string) Layer {
	return func(path string) (d Directory, err error) {
		rootFD, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return d, fmt.Errorf("lower directory %s: %s", root, err.Error()) // not that path is missing
		}
		defer func() { _ = unix.Close(rootFD) }()
		fd, err := openInside(rootFD, path)
		if err != nil {
			return d, err
		}
		defer func() { _ = unix.Close(fd) }()
		return read(fd)
	}
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

// read describes an open directory.
func read(fd int) (Directory, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Directory{}, err
	}
	xattrs, err := readXattrs(fd)
	return Directory{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, Atime: st.Atim, Mtime: st.Mtim, Xattrs: xattrs}, err
}

func readXattrs(fd int) (list []toc.Xattr, err error) {
	names, err := grow(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
	for name := range bytes.SplitSeq(names, []byte{0}) {
		n := string(name)
		if n == "" || !copied(n) {
			continue
		}
		value, err := grow(func(b []byte) (int, error) { return unix.Fgetxattr(fd, n, b) })
		if err != nil {
			return nil, err
		}
		list = append(list, toc.Xattr{Name: n, Value: string(value)})
	}
	return list, err
}

// grow calls get with a buffer that is long enough. What is not supported or
// not there any more is empty.
func grow(get func([]byte) (int, error)) ([]byte, error) {
	n, err := get(nil)
	if err == nil && n > 0 {
		b := make([]byte, n)
		n, err = get(b)
		if err == nil {
			return b[:n], nil
		}
	}
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENODATA) {
		err = nil
	}
	return nil, err
}

// copied says whether unpacking copies an extended attribute.
func copied(name string) bool { return !strings.HasPrefix(name, "trusted.") }
