// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"math"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// forever is the longest validity in seconds that is sure to fit in every
// kernel's arithmetic: 68 years.
const forever = math.MaxInt32

// Options of a file system. The zero value is usable.
type Options struct {
	// OnError, if set, hears of every read that failed, except those that
	// were interrupted. It is called by the reading goroutine, concurrently.
	OnError func(id toc.NodeID, off int64, err error)
	// NoOpen answers ENOSYS to OPEN: the kernel then opens and closes files
	// of this mount on its own, which saves OPEN and RELEASE for every open,
	// but it can never use passthrough on it.
	NoOpen bool
	// NoXattrs, if set and true, hides the extended attributes of the tree: the
	// kernel is told once that there are none, and asks no more. Overlayfs asks for
	// two or three of every file that it finds.
	NoXattrs *atomic.Bool
}

// fileSystem is immutable. What it does not implement answers ENOSYS.
type fileSystem struct {
	fuse.RawFileSystem
	tree    *toc.Tree
	content Content
	options Options
	statfs  fuse.StatfsOut
}

var _ fuse.RawFileSystem = (*fileSystem)(nil)

// New presents tree, with the file contents that c reads. The result is safe
// for concurrent use and holds no resources.
func New(tree *toc.Tree, c Content, o Options) fuse.RawFileSystem {
	return &fileSystem{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		tree:          tree,
		content:       c,
		options:       o,
		statfs:        total(tree),
	}
}

// String names the file system in go-fuse's messages.
func (f *fileSystem) String() string { return "spry" }

// Lookup finds a name; that there is none is cached as well.
func (f *fileSystem) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if len(name) > nameMax {
		return fuse.Status(unix.ENAMETOOLONG) // the kernel would pass on 1024
	}
	id, ok := f.tree.Lookup(toc.NodeID(header.NodeId), name)
	if !ok {
		out.NodeId, out.EntryValid = 0, forever
		return fuse.OK
	}
	return f.entry(id, out)
}

// GetAttr is stat(2).
func (f *fileSystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.AttrValid, out.AttrValidNsec = forever, 0
	return f.attr(toc.NodeID(in.NodeId), &out.Attr)
}

// Readlink is the target of a symlink.
func (f *fileSystem) Readlink(_ <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	a, ok := f.tree.Attr(toc.NodeID(header.NodeId))
	switch {
	case !ok:
		return nil, fuse.ENOENT
	case a.Mode&unix.S_IFMT != unix.S_IFLNK:
		return nil, fuse.EINVAL
	}
	return []byte(f.tree.Readlink(toc.NodeID(header.NodeId))), fuse.OK
}

// Access is never asked with default_permissions; should it be, the kernel
// learns to decide on its own.
func (f *fileSystem) Access(<-chan struct{}, *fuse.AccessIn) fuse.Status { return fuse.ENOSYS }

// Forget has nothing to forget.
func (f *fileSystem) Forget(_, _ uint64) {}
