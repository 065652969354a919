// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

// NodeID numbers the nodes of a tree; the root is RootID and 0 is no node. Ids
// are the same for the same entries in any process, now and after a restart:
// FUSE node ids are these.
type NodeID uint64

// RootID is the root directory, which always exists.
const RootID NodeID = 1
