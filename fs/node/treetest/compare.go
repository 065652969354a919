// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Options say which differences do not count. The zero value counts all.
type Options struct {
	// IgnoreMtime says for which paths (relative, "." for the root) the
	// modification time does not count; nil means none. Directories that no
	// tar entry describes get the time of unpacking.
	IgnoreMtime func(rel string) bool
	// IgnoreXattr says which extended attributes do not count; nil means none.
	IgnoreXattr func(name string) bool
	// IgnoreNlink leaves out link counts: overlayfs shows 1 for directories
	// that it merged.
	IgnoreNlink bool
}

// Compare walks the directories a and b and returns one line for each
// difference in names, types, modes, owners, device numbers, sizes,
// modification times, link counts, groups of hard links, symlink targets,
// extended attributes and contents, sorted by path. Sizes of directories and
// inode numbers do not count. What cannot be read in one is a difference, what
// cannot be read in both for the same reason is none: overlayfs lists some
// whiteouts that it then does not find.
func Compare(a, b string, o Options) []string {
	var diffs []string
	left, right := walk(a, o), walk(b, o)
	paths := maps.Clone(left)
	maps.Copy(paths, right)
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		x, inLeft := left[p]
		y, inRight := right[p]
		switch {
		case !inRight:
			diffs = append(diffs, fmt.Sprintf("%q: only in %s", p, a))
		case !inLeft:
			diffs = append(diffs, fmt.Sprintf("%q: only in %s", p, b))
		default:
			for _, d := range x.diff(y) {
				diffs = append(diffs, fmt.Sprintf("%q: %s", p, d))
			}
		}
	}
	return diffs
}

// diff lists in what f and g differ.
func (f *file) diff(g *file) []string {
	var out []string
	note := func(what string, x, y any) {
		if x != y {
			out = append(out, fmt.Sprintf("%s %v, %v", what, x, y))
		}
	}
	note("failure", f.failure, g.failure)
	note("mode", fmt.Sprintf("%#o", f.mode), fmt.Sprintf("%#o", g.mode))
	note("owner", fmt.Sprintf("%d:%d", f.uid, f.gid), fmt.Sprintf("%d:%d", g.uid, g.gid))
	note("device", f.rdev, g.rdev)
	note("size", f.size, g.size)
	note("mtime", f.mtime.Format(time.RFC3339Nano), g.mtime.Format(time.RFC3339Nano))
	note("links", f.nlink, g.nlink)
	note("hard link of", f.first, g.first)
	note("target", f.target, g.target)
	note("content", f.content, g.content)
	if !maps.Equal(f.xattrs, g.xattrs) {
		out = append(out, fmt.Sprintf("xattrs %q, %q", f.xattrs, g.xattrs))
	}
	return out
}
