// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// place is a name in an open directory, "." for the directory itself. Its
// methods never follow a symbolic link.
type place struct {
	dir  *os.File
	name string
}

func (p place) fd() int { return int(p.dir.Fd()) }

// stat is what is there.
func (p place) stat() (st unix.Stat_t, err error) {
	return st, unix.Fstatat(p.fd(), p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
}

// mkdir makes a directory, unless it is there.
func (p place) mkdir() error {
	st, err := p.stat()
	switch {
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return nil
	case err == nil:
		if err := unix.Unlinkat(p.fd(), p.name, 0); err != nil {
			return err
		}
	case !errors.Is(err, unix.ENOENT):
		return err
	}
	return unix.Mkdirat(p.fd(), p.name, dirPerm)
}

// make makes what a describes, which is no directory, unless it is there;
// target is of a symlink.
func (p place) make(a toc.Attr, target string) (unix.Stat_t, error) {
	st, err := p.stat()
	if err == nil && p.is(st, a, target) {
		return st, nil
	}
	if err == nil {
		if err = unix.Unlinkat(p.fd(), p.name, 0); err != nil {
			return st, err
		}
	} else if !errors.Is(err, unix.ENOENT) {
		return st, err
	}
	switch kind := a.Mode & unix.S_IFMT; kind {
	case unix.S_IFLNK:
		err = unix.Symlinkat(target, p.fd(), p.name)
	case unix.S_IFREG, unix.S_IFIFO:
		err = unix.Mknodat(p.fd(), p.name, kind|filePerm, 0)
	default:
		err = unix.Mknodat(p.fd(), p.name, kind|filePerm, int(unix.Mkdev(a.Major, a.Minor)))
	}
	if err != nil {
		return st, err
	}
	return p.stat()
}

// is says whether st, which is there, is what a describes, apart from
// attributes and content.
func (p place) is(st unix.Stat_t, a toc.Attr, target string) bool {
	if st.Mode&unix.S_IFMT != a.Mode&unix.S_IFMT {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		buf := make([]byte, len(target)+1)
		n, err := unix.Readlinkat(p.fd(), p.name, buf)
		return err == nil && string(buf[:n]) == target
	case unix.S_IFCHR, unix.S_IFBLK:
		return st.Rdev == unix.Mkdev(a.Major, a.Minor)
	}
	return true
}

// finish sets owner, extended attributes, mode and times of what st was, in
// this order: a change of the owner takes capabilities and set-id bits.
func (p place) finish(st unix.Stat_t, a toc.Attr, xattrs []toc.Xattr) error {
	if err := unix.Fchownat(p.fd(), p.name, int(a.UID), int(a.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	for _, x := range xattrs {
		// Of all ways to name what is no file, only this needs no descriptor.
		path := "/proc/self/fd/" + strconv.Itoa(p.fd()) + "/" + p.name
		if err := unix.Lsetxattr(path, x.Name, []byte(x.Value), 0); err != nil {
			return fmt.Errorf("xattr %s: %w", x.Name, err)
		}
	}
	if a.Mode&unix.S_IFMT != unix.S_IFLNK {
		// There is no link at the name: see make.
		if err := unix.Fchmodat(p.fd(), p.name, a.Mode&0o7777, 0); err != nil {
			return fmt.Errorf("mode: %w", err)
		}
	}
	t := unix.Timespec{Sec: a.MtimeSec, Nsec: int64(a.MtimeNsec)}
	if st.Mtim == t {
		return nil // as what has content: see Store.stamp
	}
	if err := unix.UtimesNanoAt(p.fd(), p.name, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("times: %w", err)
	}
	return nil
}
