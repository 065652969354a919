// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// file is what counts about one path.
type file struct {
	mode     uint32
	uid, gid uint32
	rdev     uint64
	size     int64
	mtime    time.Time
	nlink    uint64
	// first is the first path in walking order with the same inode, "" if it
	// is this one.
	first   string
	target  string
	content string // digest
	xattrs  map[string]string
	// failure is why the rest is not known, "" if it is.
	failure string
}

// inode is one file of a walk, which may cross devices in an overlay.
type inode struct{ dev, ino uint64 }

// walk reads everything below root, in sorted order. It never follows a link.
func walk(root string, o Options) map[string]*file {
	files := make(map[string]*file)
	inodes := make(map[inode]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel := relative(root, path)
		if err != nil {
			files[rel] = failed(err)
			return nil
		}
		f, id, err := readFile(path, rel, o)
		switch {
		case err != nil:
			f = failed(err)
		case path != root && d.Type() != fileType(f.mode):
			f.failure = fmt.Sprintf("listed as %v, is %v", d.Type(), fileType(f.mode))
		case f.mode&unix.S_IFMT != unix.S_IFDIR:
			f.first = inodes[id]
			if f.first == "" {
				inodes[id] = rel
			}
		}
		files[rel] = f
		return nil
	})
	if err != nil {
		files["."] = failed(err)
	}
	return files
}

// failed keeps the error without the path, which differs on both sides.
func failed(err error) *file {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return &file{failure: errno.Error()}
	}
	return &file{failure: err.Error()}
}

// relative avoids filepath.Rel, which cleans names.
func relative(root, path string) string {
	if path == root {
		return "."
	}
	return strings.TrimPrefix(path[len(root):], "/")
}

func readFile(path, rel string, o Options) (*file, inode, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, inode{}, fmt.Errorf("lstat: %w", err)
	}
	id := inode{st.Dev, st.Ino}
	f := &file{mode: st.Mode, uid: st.Uid, gid: st.Gid}
	if o.IgnoreMtime == nil || !o.IgnoreMtime(rel) {
		f.mtime = time.Unix(st.Mtim.Unix()).UTC()
	}
	if !o.IgnoreNlink {
		f.nlink = uint64(st.Nlink)
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.size = st.Size
		f.content, err = hash(path, st.Size)
	case unix.S_IFLNK:
		f.size = st.Size
		f.target, err = os.Readlink(path)
	case unix.S_IFCHR, unix.S_IFBLK:
		f.rdev = st.Rdev
	}
	if err != nil {
		return nil, id, err
	}
	f.xattrs, err = xattrs(path, o)
	return f, id, err
}

func hash(path string, size int64) (string, error) {
	fd, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, fd)
	if err := errors.Join(err, fd.Close()); err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("read %d bytes of %d", n, size)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// fileType is the type bits of mode as os shows them.
func fileType(mode uint32) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		return fs.ModeDevice
	case unix.S_IFSOCK:
		return fs.ModeSocket
	default:
		return 0
	}
}
