// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"archive/tar"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// tarUpper writes an overlay's upper directory as an OCI layer: whiteouts and
// opaque directories in their OCI form, hard links kept, extended attributes
// kept, sockets and the mount points /proc, /dev and /sys left empty.
func tarUpper(tw *tar.Writer, root string) error {
	u := upper{tw: tw, root: root, links: map[uint64]string{}}
	return filepath.WalkDir(root, func(p string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || rel == "." {
			return err
		}
		if err := u.add(p, rel); err != nil {
			return err
		}
		if rel == "proc" || rel == "dev" || rel == "sys" {
			return filepath.SkipDir
		}
		return nil
	})
}

type upper struct {
	tw    *tar.Writer
	root  string
	links map[uint64]string // inode to first name
}

func (u *upper) add(p, rel string) error {
	fi, err := os.Lstat(p)
	if err != nil {
		return err
	}
	st := fi.Sys().(*syscall.Stat_t)
	switch {
	case fi.Mode()&iofs.ModeSocket != 0:
		return nil
	case fi.Mode()&iofs.ModeCharDevice != 0 && st.Rdev == 0:
		return Write(u.tw, File{Header: tar.Header{Name: path.Join(path.Dir(rel), ".wh."+path.Base(rel)), ModTime: fi.ModTime()}})
	}
	var target string
	if fi.Mode()&iofs.ModeSymlink != 0 {
		if target, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(fi, target)
	if err != nil {
		return err
	}
	h.Name, h.Format = rel, tar.FormatPAX
	if fi.IsDir() {
		h.Name += "/"
	}
	if first, ok := u.links[st.Ino]; ok && !fi.IsDir() {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		return u.tw.WriteHeader(h)
	}
	u.links[st.Ino] = rel
	opaque, err := u.xattrs(p, h)
	if err != nil {
		return err
	}
	if err := u.tw.WriteHeader(h); err != nil {
		return err
	}
	if opaque {
		return Write(u.tw, File{Header: tar.Header{Name: rel + "/.wh..wh..opq"}})
	}
	return u.content(p, h)
}

func (u *upper) content(p string, h *tar.Header) error {
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(u.tw, f)
	return err
}

// xattrs copies security.capability and user attributes into h, and tells
// whether the directory is opaque.
func (u *upper) xattrs(p string, h *tar.Header) (opaque bool, err error) {
	buf := make([]byte, 4096)
	if n, err := unix.Lgetxattr(p, "trusted.overlay.opaque", buf); err == nil && string(buf[:n]) == "y" {
		opaque = true
	}
	n, err := unix.Lgetxattr(p, "security.capability", buf)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return opaque, nil
	}
	if err != nil {
		return opaque, err
	}
	h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(buf[:n])}
	return opaque, nil
}
