// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package snapshot is containerd's snapshotter contract over overlayfs, with
// layers that need not be there yet.
//
// # Concepts
//
// A snapshot is one layer's worth of changes on top of its parent. Three kinds
// of committed snapshot share a chain freely:
//
//	lazy      shows a layer that a FileSystem mounted; owns nothing on disk
//	          here, its lowerdir is FileSystem.Dir
//	unpacked  a layer of an indexed image that cannot be lazy; unpacked here
//	          and committed by us
//	ordinary  filled and committed by containerd, as with overlayfs
//
// A pull announces itself on Prepare by the label index.LabelTarget. The
// snapshotter then tries lazy, then unpacked, and answers ErrAlreadyExists
// when the layer is committed under the target; whatever else happens becomes
// an ordinary active snapshot, so that a pull never fails because of us. The
// reason is a label of that snapshot and one warning for each image.
//
// A layer that says nothing about a directory it has files in takes the
// directory's attributes from below when it is unpacked. Where these are not
// what the lazy layer shows, it is unpacked for this chain alone. On a rebase
// (below) nothing is known of what is below; containerd's own unpacking does
// not look there either, and a layer that depends on it in another way (see
// FileSystem.FitsAny) is unpacked.
//
// A client that unpacks layers in parallel (containerd's "rebase") prepares
// them without a parent and names it at Commit. Such a layer must not be
// committed early; it is staged: an active snapshot with a read-only mount,
// which tells the client that there is nothing left to write.
//
// # On disk
//
//	ROOT/metadata.db            containerd's storage.MetaStore
//	ROOT/snapshots/ID/fs        upper directory, or an unpacked layer
//	ROOT/snapshots/ID/work      overlayfs work directory, active only
//
// A record is written before its directory and removed before it, so a
// directory without a record is always garbage. Identifiers are never used
// twice, so they also name the owner of a mounted layer.
//
// # Dangers
//
// Labels below containerd.io/snapshot/ may come from annotations of a hostile
// image. Those that this package writes are therefore dropped from every
// request and kept through every Update.
//
// No metadata transaction is open while anything else than the metadata is
// touched.
package snapshot
