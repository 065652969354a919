// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import "github.com/spryd/spry/index/toc"

// Slots of table Ztoc.
const (
	slotVersion = iota
	slotBuildTool
	slotCompressedSize
	slotUncompressedSize
	slotTOC
	slotCompressionInfo
)

// Slot of table TOC.
const slotMetadata = 0

// Slots of table FileMetadata.
const (
	slotName = iota
	slotType
	slotOffset
	slotSize
	slotLinkname
	slotMode
	slotUID
	slotGID
	slotUname
	slotGname
	slotModTime
	slotDevmajor
	slotDevminor
	slotXattrs
)

// Slots of table Xattr.
const (
	slotKey = iota
	slotValue
)

// Slots of table CompressionInfo.
const (
	slotAlgorithm = iota
	slotMaxSpanID
	slotSpanDigests
	slotCheckpoints
)

// typeNames are the texts of field type.
var typeNames = [...]string{
	toc.Regular:     "reg",
	toc.Directory:   "dir",
	toc.Symlink:     "symlink",
	toc.Hardlink:    "hardlink",
	toc.CharDevice:  "char",
	toc.BlockDevice: "block",
	toc.FIFO:        "fifo",
}

// entryType is the type with that text, 0 if there is none.
func entryType(text []byte) toc.Type {
	for i, n := range typeNames {
		if i > 0 && string(text) == n {
			return toc.Type(i)
		}
	}
	return 0
}
