// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

const (
	// blockBytes is the preferred I/O size and the unit of statfs.
	blockBytes = 4096
	// sectorBytes is the unit of st_blocks.
	sectorBytes = 512
	// nameMax is the longest file name in bytes.
	nameMax = 255
)

// entry fills in what LOOKUP and READDIRPLUS tell about id.
func (f *fileSystem) entry(id toc.NodeID, out *fuse.EntryOut) fuse.Status {
	out.NodeId, out.Generation = uint64(id), 0
	out.EntryValid, out.EntryValidNsec = forever, 0
	out.AttrValid, out.AttrValidNsec = forever, 0
	return f.attr(id, &out.Attr)
}

// attr fills in the attributes of id. Unpacking sets atime and mtime to the
// time in the tar; ctime cannot be set and is shown as the same.
func (f *fileSystem) attr(id toc.NodeID, out *fuse.Attr) fuse.Status {
	a, ok := f.tree.Attr(id)
	if !ok {
		return fuse.ENOENT
	}
	*out = fuse.Attr{
		Ino:     uint64(id),
		Size:    uint64(a.Size),
		Mode:    a.Mode,
		Nlink:   a.Nlink,
		Owner:   fuse.Owner{Uid: a.UID, Gid: a.GID},
		Rdev:    a.Rdev(),
		Blksize: blockBytes,
		Atime:   uint64(a.MtimeSec), Atimensec: a.MtimeNsec,
		Mtime: uint64(a.MtimeSec), Mtimensec: a.MtimeNsec,
		Ctime: uint64(a.MtimeSec), Ctimensec: a.MtimeNsec,
	}
	if a.Mode&unix.S_IFMT == unix.S_IFREG {
		out.Blocks = sectors(a.Size)
	}
	return fuse.OK
}

func sectors(size int64) uint64 { return (uint64(size) + sectorBytes - 1) / sectorBytes }
