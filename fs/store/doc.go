// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package store keeps the decoded content of a layer on disk, as the
// directory that unpacking the layer would leave.
//
//	dir/fs/...   the regular files that have content, at their paths
//	dir/spans    which spans are written (see bitmap)
//	dir/sealed   the layer is whole and was synced; proven and finished too,
//	             if it says so, and what it decompresses to
//
// A span is a piece of the tar stream; [Store.Put] writes the file pieces in
// it to their files and then records the span, in that order, so that a
// process killed at any instruction leaves at most data that is not recorded.
// What the kernel had not written out when the machine lost power is another
// matter: the record names the boot it belongs to, and in another boot the
// store starts empty, unless it was sealed ([Store.Seal] syncs first).
//
// Files are as private as the daemon (0600 in directories of 0700) until
// [Store.Finish] makes of the directory what an unpack of the layer leaves:
// names without content, attributes and hard links come then.
//
// Who else writes to a file is noticed when it is read or opened next, by its
// modification time: see stamp.go.
//
// Every path is opened below an [os.Root], directory by directory: no entry
// of a layer can lead out of its directory.
//
//	Lock order:
//	  Store.use (held for reading during I/O, for writing by Close only)
//	    handle.writing (held for I/O)
//	    handles.mu, usage.mu (leaves, no I/O under them)
package store
