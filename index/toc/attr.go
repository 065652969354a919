// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

// dirSize is the size that directories show, as on ext4.
const dirSize = 4096

// File type bits of a mode (inode(7)).
const (
	modeType    = 0o170000
	modeFIFO    = 0o010000
	modeChar    = 0o020000
	modeDir     = 0o040000
	modeBlock   = 0o060000
	modeRegular = 0o100000
	modeSymlink = 0o120000
	modeSetgid  = 0o002000
	modeBits    = 0o007777
)

// Attr is what stat(2) shows of a node.
type Attr struct {
	// Mode holds the S_IFMT bits and 07777.
	Mode     uint32
	UID, GID uint32
	// Nlink is the number of names; for directories 2 and the number of
	// subdirectories.
	Nlink uint32
	// Major and Minor are the device's numbers.
	Major, Minor uint32
	// Size is the content's length in bytes, the target's for symlinks and
	// 4096 for directories.
	Size int64
	// MtimeSec and MtimeNsec are the modification time since the epoch;
	// times before it show as the epoch, as unpacking leaves them.
	MtimeSec  int64
	MtimeNsec uint32
}

// IsDir says whether the node is a directory.
func (a Attr) IsDir() bool { return a.Mode&modeType == modeDir }

// Rdev is the device's number in 32 bits, as FUSE and EROFS have it: new_encode_dev of
// linux/kdev_t.h, 12 bits of major and 20 of minor.
func (a Attr) Rdev() uint32 {
	return a.Minor&0xff | a.Major&0xfff<<8 | a.Minor&0xfff00<<12
}

// IsRegular says whether the node is a regular file.
func (a Attr) IsRegular() bool { return a.Mode&modeType == modeRegular }
