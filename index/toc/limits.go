// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

// Bounds on what a tree may hold; entries beyond them are an [EntryError].
const (
	// MaxEntries is the number of tar entries of a layer.
	MaxEntries = 1 << 20
	// MaxImplied is the number of directories that may be missing among the
	// entries, beyond two for each entry. It keeps a few long names from
	// costing much memory.
	MaxImplied = 64 << 10
	// MaxPath is the length of a path in bytes (PATH_MAX without its NUL,
	// limits.h); it also bounds the depth of a tree.
	MaxPath = 4095
	// MaxName is the length of a path component in bytes (NAME_MAX).
	MaxName = 255
	// MaxTarget is the length of a symlink's target in bytes.
	MaxTarget = 4095
	// MaxXattrName is the length of an extended attribute's name in bytes
	// (XATTR_NAME_MAX, linux/limits.h).
	MaxXattrName = 255
	// MaxXattrValue is the length of an extended attribute's value in bytes
	// (XATTR_SIZE_MAX, linux/limits.h).
	MaxXattrValue = 64 << 10
)
