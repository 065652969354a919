// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// The on-disk format, as Linux's fs/erofs/erofs_fs.h has it. Numbers are little-endian.
const (
	superOffset = 1024
	superSize   = 128
	magic       = 0xE0F5E1E2
	// featureDevices is the incompatible feature of images with further devices.
	featureDevices = 0x8
	deviceSize     = 128 // of an entry of their table

	// blockBits makes blocks of what a tar archive aligns its files to.
	blockBits = 9
	blockSize = 1 << blockBits
	// slotSize is the unit of node numbers: a node's is the place of its inode.
	slotSize    = 32
	inodeSize   = 64 // of the extended form
	direntSize  = 12
	xattrHeader = 12 // before the attributes of an inode

	// Layouts of data, with the bit that says that the inode is extended.
	layoutPlain  = 0<<1 | 1 // blocks
	layoutInline = 2<<1 | 1 // behind the inode
)

// fileType is how directories name the type of a mode.
func fileType(mode uint32) byte {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 1
	case unix.S_IFDIR:
		return 2
	case unix.S_IFCHR:
		return 3
	case unix.S_IFBLK:
		return 4
	case unix.S_IFIFO:
		return 5
	case unix.S_IFSOCK:
		return 6
	case unix.S_IFLNK:
		return 7
	}
	return 0
}

// superblock of an image whose nodes are counted from its first block on, and the
// table of its devices: the layer's is the only one, and its blocks are counted from
// behind those of the image on.
func (im *Image) superblock() []byte {
	b := make([]byte, superSize+deviceSize)
	le := binary.LittleEndian
	le.PutUint32(b[0:], magic)
	b[12] = blockBits
	le.PutUint16(b[14:], uint16(im.nodes[toc.RootID-1].nid))
	le.PutUint64(b[16:], uint64(len(im.nodes)))
	le.PutUint32(b[36:], im.blocks)
	le.PutUint32(b[80:], featureDevices)
	le.PutUint16(b[86:], 1)
	le.PutUint16(b[88:], (superOffset+superSize)/deviceSize)
	le.PutUint32(b[superSize+64:], im.layer)
	le.PutUint32(b[superSize+68:], im.blocks)
	return b
}

// inode is what an inode says.
type inode struct {
	layout uint16
	xattrs int // bytes
	attr   toc.Attr
	size   int64
	data   uint32 // the first block, or a device number
	number uint32
}

func (i *inode) encode() []byte {
	b := make([]byte, inodeSize)
	le := binary.LittleEndian
	le.PutUint16(b[0:], i.layout)
	if i.xattrs > 0 {
		le.PutUint16(b[2:], uint16((i.xattrs-xattrHeader)/4+1))
	}
	le.PutUint16(b[4:], uint16(i.attr.Mode))
	le.PutUint64(b[8:], uint64(i.size))
	le.PutUint32(b[16:], i.data)
	le.PutUint32(b[20:], i.number)
	le.PutUint32(b[24:], i.attr.UID)
	le.PutUint32(b[28:], i.attr.GID)
	le.PutUint64(b[32:], uint64(i.attr.MtimeSec))
	le.PutUint32(b[40:], i.attr.MtimeNsec)
	le.PutUint32(b[44:], i.attr.Nlink)
	return b
}
