// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package build makes the ztoc of a layer blob in one pass, and proves it in
// a second one.
//
//	res, err := build.Layer(ctx, blob, build.Options{Compression: ztoc.Gzip})
//	if errors.Is(err, build.ErrSkip) { ... }  // leave this layer without index
//	err = build.Verify(ctx, again, res)
//	bytes, err := res.Ztoc.Encode()
//
// With default options the bytes are those of the reference implementation.
// So are its shortcomings: a layer with sparse files in PAX form, for one, gets
// a ztoc that nobody can use. Ask [ztoc.Ztoc.CheckLazy] before publishing it.
//
// # The pass
//
//	blob ──> source ──> inflate.Walker ──┬─ block starts ──> checkpoints ──> cut span hashes
//	           │                         └─ output ────────> DiffID, table (archive/tar)
//	           └─> blob hash, span hashes
//
// Where a span ends in the blob is known only when the walker has read past
// it, so the span hashes stay a fixed number of bytes behind. Memory is that,
// the walker's buffers, and the result.
//
// The walker pushes, archive/tar pulls. The tar reader therefore runs as a
// coroutine (iter.Pull) that is resumed with each piece of output and
// suspended when it wants more: same stack of calls, no goroutine that runs
// by itself, nothing copied but headers.
//
// # Layers that cannot be indexed
//
// They give a [*SkipError] with the reason and the entry: entry types that a
// ztoc has no word for (global PAX headers, old GNU sparse files, contiguous
// files), data behind the last gzip member, blobs that are not gzip at all, and
// archives that archive/tar cannot read. A blob that is damaged (checksums,
// truncation) is an error of package inflate instead.
package build
