// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// named is a name in a directory. It may be neither a regular file nor a directory;
// a symlink to a regular file is that.
type named struct {
	File
	name          string
	isFile, isDir bool
}

// list are the names in directory dir, which has no symlinks in its path, at most
// limit: those of a layer by name, the topmost layer's first. Each name that is
// looked at is a find; when the start is over, the rest is left out.
func (s *start) list(dir string, limit int) (all []named) {
	seen := make(map[string]bool)
	for _, l := range s.image {
		node, ok := walk(l.Tree(), strings.Trim(dir, "/"))
		if !ok {
			continue
		}
		for i := range l.Tree().Children(node) {
			if len(all) >= limit || s.over() {
				return all
			}
			s.finds.Add(1)
			name, child := l.Tree().Child(node, i)
			if seen[name] {
				continue
			}
			seen[name] = true
			f := File{Layer: l, Node: child, Path: path.Join("/", dir, name)}
			mode := kind(l.Tree(), child)
			if mode == unix.S_IFLNK {
				if target, ok := s.find(f.Path); ok {
					f, mode = target, unix.S_IFREG
				}
			}
			all = append(all, named{f, name, mode == unix.S_IFREG, mode == unix.S_IFDIR})
		}
	}
	return all
}
