// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package node is the FUSE file system of one layer: the operations of
// [fuse.RawFileSystem] answered from a [toc.Tree] and a [Content].
//
// # Stateless
//
// The node id of the protocol is the node's number in the tree, the inode
// number too, and file handles are 0. There is nothing to count and nothing
// to forget, so another process with the same tree can continue to serve the
// same mount.
//
// # Nothing changes
//
// Entries, attributes, absent names, symlink targets, directory listings and
// pages are valid for ever, so the kernel asks once. READDIRPLUS fills its
// caches a directory at a time. OPENDIR answers ENOSYS, which makes the
// kernel open directories on its own from then on, with listings cached
// (FUSE_NO_OPENDIR_SUPPORT, Linux 5.1, has to be negotiated); a tree without
// extended attributes answers ENOSYS to GETXATTR and LISTXATTR, and the kernel
// never asks again. Opaque directories are extended attributes too.
//
// # Costs
//
// Lookup, attributes, listings, xattr values and reads allocate nothing; no
// operation takes a lock. FLUSH answers ENOSYS, so close(2) is free. Only Read
// can block, in [Content].
//
// # Errors
//
// This is the only place where an error becomes an errno: see errno.
package node
