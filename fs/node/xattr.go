// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// GetXAttr copies a value to dest. An empty dest asks for the size: that is
// ERANGE here, which ProtocolServer turns into success for that question.
func (f *fileSystem) GetXAttr(_ <-chan struct{}, header *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	if !f.hasXattrs() {
		return 0, fuse.ENOSYS
	}
	value, ok := f.tree.Xattr(toc.NodeID(header.NodeId), name)
	if !ok {
		return 0, fuse.Status(unix.ENODATA)
	}
	if len(value) > len(dest) {
		return uint32(len(value)), fuse.ERANGE
	}
	return uint32(copy(dest, value)), fuse.OK
}

// ListXAttr copies the names to dest, each followed by a zero byte. An empty
// dest asks for the size.
func (f *fileSystem) ListXAttr(_ <-chan struct{}, header *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if !f.hasXattrs() {
		return 0, fuse.ENOSYS
	}
	size := 0
	xattrs := f.tree.Xattrs(toc.NodeID(header.NodeId))
	for _, x := range xattrs {
		size += len(x.Name) + 1
	}
	if size > len(dest) {
		return uint32(size), fuse.ERANGE
	}
	for _, x := range xattrs {
		n := copy(dest, x.Name)
		dest[n] = 0
		dest = dest[n+1:]
	}
	return uint32(size), fuse.OK
}

// hasXattrs says whether the kernel has to ask for extended attributes.
func (f *fileSystem) hasXattrs() bool {
	return f.tree.HasXattrs() && (f.options.NoXattrs == nil || !f.options.NoXattrs.Load())
}
