// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package below

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// maxLinks is how many symbolic links a lookup follows (MAXSYMLINKS of Linux).
const maxLinks = 40

// Tree is a layer that is described by its file table. The result of a lookup
// does not need the tree any more.
func Tree(t *toc.Tree) Layer {
	return func(path string) (Directory, error) {
		id, err := resolve(t, path)
		if err != nil {
			return Directory{}, err
		}
		a, _ := t.Attr(id)
		mtime := unix.Timespec{Sec: a.MtimeSec, Nsec: int64(a.MtimeNsec)}
		d := Directory{Mode: a.Mode & 0o7777, UID: a.UID, GID: a.GID, Atime: mtime, Mtime: mtime}
		for _, x := range t.Xattrs(id) {
			if copied(x.Name) {
				d.Xattrs = append(d.Xattrs, toc.Xattr{Name: strings.Clone(x.Name), Value: strings.Clone(x.Value)})
			}
		}
		return d, nil
	}
}

// resolve finds a directory as the kernel does with the tree's root as root.
func resolve(t *toc.Tree, path string) (toc.NodeID, error) {
	trail := []toc.NodeID{toc.RootID} // the directories gone through
	for links := 0; path != ""; {
		var name string
		name, path, _ = strings.Cut(path, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			trail = trail[:max(1, len(trail)-1)]
			continue
		}
		id, ok := t.Lookup(trail[len(trail)-1], name)
		if !ok {
			return 0, unix.ENOENT
		}
		a, _ := t.Attr(id)
		switch a.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			trail = append(trail, id)
		case unix.S_IFLNK:
			if links++; links > maxLinks {
				return 0, unix.ELOOP
			}
			target := t.Readlink(id)
			if strings.HasPrefix(target, "/") {
				trail = trail[:1]
			}
			path = target + "/" + path
		default:
			return 0, unix.ENOTDIR
		}
	}
	return trail[len(trail)-1], nil
}
