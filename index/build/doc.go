// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package build makes the indexes of a layer blob, its ztoc and its compact
// form, in one pass that proves them too.
//
//	res, err := build.Layer(ctx, blob, build.Options{FineSpanSize: build.DefaultFineSpanSize})
//	if errors.Is(err, build.ErrSkip) { ... }  // leave this layer without index
//	bytes, err := res.EncodeZtoc()
//	bytes, err = res.Compact()
//
// With default options the bytes are those of the reference implementation.
// So are its shortcomings: a layer with sparse files in PAX form, for one, gets
// a ztoc that nobody can use. Ask [ztoc.Ztoc.CheckLazy] before publishing it.
//
// # The pass
//
//	blob ──> inflate.Walker ──┬─ block starts ──> points of both forms
//	     │                    └─ output ──> table, DiffID, checksums of members
//	     └──> cutter ──> pieces between points ──> hashes: blob, spans of both forms
//
// Each span is decoded once, from its checkpoint: at every point the walker's
// decoder is started anew at the bit that the index names, with the window that
// the index stores, as a reader will start it, and what it gives is what the table
// is read from and what has to have the checksum in the gzip trailer. The bytes
// of the window that it takes on the way are the ones that the compact form keeps.
// That leaves what happens to an index when it is written: [Result.EncodeZtoc]
// and [Result.Compact] read it back, and compare places, digests, windows, masks and
// table with those of the pass.
//
// Hashing is a goroutine of the call, which waits for it. The pieces under way
// and the walker's buffers are what it takes in memory, besides the result.
//
// The walker pushes, archive/tar pulls. The tar reader therefore runs as a
// coroutine (iter.Pull) that is resumed with each piece of output and
// suspended when it wants more: same stack of calls, no goroutine that runs
// by itself, nothing copied but headers.
//
// [Verify] proves an index that comes from elsewhere with a pass of its own: it
// decodes every span alone.
//
// # Layers that cannot be indexed
//
// They give a [*SkipError] with the reason and the entry: entry types that a
// ztoc has no word for (global PAX headers, old GNU sparse files, contiguous
// files), data behind the last gzip member, blobs that are not gzip at all, and
// archives that archive/tar cannot read. A blob that is damaged (checksums,
// truncation) is an error of package inflate instead.
package build
