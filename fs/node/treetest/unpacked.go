// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Unpacked returns the options to compare a mount of tree with the same layer
// unpacked: implied directories and whiteouts have the time of unpacking.
func Unpacked(tree *toc.Tree) Options {
	return Options{IgnoreMtime: func(rel string) bool {
		id := toc.RootID
		if rel != "." {
			for name := range strings.SplitSeq(rel, "/") {
				next, ok := tree.Lookup(id, name)
				if !ok {
					return false
				}
				id = next
			}
		}
		a, _ := tree.Attr(id)
		whiteout := a.Mode&unix.S_IFMT == unix.S_IFCHR && a.Major == 0 && a.Minor == 0
		return tree.Implied(id) || whiteout
	}}
}
