// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// dots is how many entries come before the names of a directory: "." and "..".
const dots = 2

// OpenDir needs no round trip: see the package comment.
func (f *fileSystem) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	return fuse.ENOSYS
}

// ReadDir lists a directory. The offset after the i-th entry is i+1, "." and
// ".." included, so it is good for ever.
func (f *fileSystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	dir := toc.NodeID(in.NodeId)
	end, st := f.dirLen(dir)
	for i := in.Offset; i < end; i++ {
		e, _ := f.dirEntry(dir, i)
		if !out.AddDirEntry(e) {
			break
		}
	}
	return st
}

// ReadDirPlus lists a directory with what Lookup would tell about each name.
func (f *fileSystem) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	dir := toc.NodeID(in.NodeId)
	end, st := f.dirLen(dir)
	for i := in.Offset; i < end; i++ {
		e, id := f.dirEntry(dir, i)
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			break
		}
		if i >= dots { // node id 0 tells nothing about "." and ".."
			_ = f.entry(id, entry) // the tree has what it lists
		}
	}
	return st
}

// dirLen is the number of entries of dir with the dots.
func (f *fileSystem) dirLen(dir toc.NodeID) (uint64, fuse.Status) {
	a, ok := f.tree.Attr(dir)
	switch {
	case !ok:
		return 0, fuse.ENOENT
	case a.Mode&unix.S_IFMT != unix.S_IFDIR:
		return 0, fuse.ENOTDIR
	}
	return uint64(f.tree.Children(dir)) + dots, fuse.OK
}

// dirEntry is the i-th entry of dir, i < dirLen.
func (f *fileSystem) dirEntry(dir toc.NodeID, i uint64) (fuse.DirEntry, toc.NodeID) {
	name, id := ".", dir
	switch i {
	case 0:
	case 1:
		name, id = "..", f.tree.Parent(dir)
	default:
		name, id = f.tree.Child(dir, int(i-dots))
	}
	a, _ := f.tree.Attr(id)
	return fuse.DirEntry{Name: name, Mode: a.Mode, Ino: uint64(id), Off: i + 1}, id
}

// ReleaseDir has nothing to release.
func (f *fileSystem) ReleaseDir(*fuse.ReleaseIn) {}
