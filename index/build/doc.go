// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package build makes the indexes of a layer blob, its ztoc and its compact
// form, and proves them, all in one pass.
//
//	res, err := build.Layer(ctx, blob, build.Options{FineSpanSize: build.DefaultFineSpanSize})
//	if errors.Is(err, build.ErrSkip) { ... }  // leave this layer without index
//	bytes, err := res.Ztoc.Encode()
//	bytes, err = res.Compact()
//
// With default options the bytes are those of the reference implementation.
// So are its shortcomings: a layer with sparse files in PAX form, for one, gets
// a ztoc that nobody can use. Ask [ztoc.Ztoc.CheckLazy] before publishing it.
//
// # The pass
//
//	blob ──> inflate.Walker ──┬─ block starts ──> points ──┐
//	     │                    └─ output ──> table, crc32 ──┤
//	     └──────────────────────> cutter ──────────────────┴──> pieces
//
//	pieces ──> prover: decode again, compare, find used window bytes
//	       ──> hashes: blob, spans of both forms, DiffID
//
// A piece is the blob from one point where decoding can start to the next. The
// points of the ztoc are among those of the compact form, so a piece that
// decodes from its point to what the walker found proves both. Prover and hashes
// are goroutines of the call, which waits for them. The pieces under way and
// the walker's buffers are what it takes in memory, besides the result.
//
// The walker pushes, archive/tar pulls. The tar reader therefore runs as a
// coroutine (iter.Pull) that is resumed with each piece of output and
// suspended when it wants more: same stack of calls, no goroutine that runs
// by itself, nothing copied but headers.
//
// [Verify] proves an index that comes from elsewhere with a pass of its own.
//
// # Layers that cannot be indexed
//
// They give a [*SkipError] with the reason and the entry: entry types that a
// ztoc has no word for (global PAX headers, old GNU sparse files, contiguous
// files), data behind the last gzip member, blobs that are not gzip at all, and
// archives that archive/tar cannot read. A blob that is damaged (checksums,
// truncation) is an error of package inflate instead.
package build
