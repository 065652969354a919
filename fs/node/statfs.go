// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// StatFs shows the size of the whole layer, all of it used.
func (f *fileSystem) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	*out = f.statfs
	return fuse.OK
}

// total adds up the nodes of tree.
func total(tree *toc.Tree) fuse.StatfsOut {
	out := fuse.StatfsOut{
		Files:   uint64(tree.Len()),
		Bsize:   blockBytes,
		Frsize:  blockBytes,
		NameLen: nameMax,
	}
	for id := toc.RootID; int(id) <= tree.Len(); id++ {
		a, _ := tree.Attr(id)
		if a.Mode&unix.S_IFMT == unix.S_IFREG {
			out.Blocks += (uint64(a.Size) + blockBytes - 1) / blockBytes
		}
	}
	return out
}
