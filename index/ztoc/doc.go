// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package ztoc reads and writes the zTOC of SOCI: one blob per layer that
// holds the layer's file table, and the checkpoints from which the spans of
// its gzip stream can be inflated alone.
//
//	z, err := ztoc.Decode(blob)     // bytes to values, structure checked
//	err = z.CheckLazy()             // may the layer be presented lazily?
//	layer, err := z.Layer()         // its spans, ranges and sizes checked
//	blob, err = z.Encode()          // the bytes the reference implementation writes
//
// A ztoc is a FlatBuffers buffer without identifier. Slots of its tables:
//
//	Ztoc             0 version "0.9"    1 build tool       2 compressed size i64
//	                 3 uncompressed size i64               4 TOC    5 CompressionInfo
//	TOC              0 [FileMetadata], in tar order
//	FileMetadata     0 name  1 type  2 offset i64  3 size i64  4 linkname  5 mode i64
//	                 6 uid u32  7 gid u32  8 uname  9 gname  10 mtime, RFC 3339
//	                 11 devmajor i64  12 devminor i64  13 [Xattr]: every PAX record, by key
//	Xattr            0 key  1 value
//	CompressionInfo  0 algorithm i8, default 1: 1 gzip, 2 none  1 max span id i32
//	                 2 [span digest, "sha256:<hex>"]            3 checkpoint blob
//
// The checkpoint blob of a gzip layer is little endian and packed:
//
//	offset  size     field
//	0       4        n, number of spans
//	4       8        span size asked for
//	12      32785*k  records; k = n in version 2, n-1 in version 1
//
//	0       8        in: blob position of the first whole byte after the boundary
//	8       8        out: tar stream position of the boundary
//	16      1        bits: how many high bits of byte in-1 come after the boundary
//	17      32768    the tar stream bytes before out, zeros on the left
//
// Version 1 leaves out the first record, which is then in 10, out 0, bits 0.
// The blob of a plain tar is a FlatBuffers table: 0 version i32, 1 span size
// i64, 2 blob size i64.
//
// Sizes that surprise: the uncompressed size is where the tar reader stopped,
// after the end marker, so the stream may go on and the last span may start
// behind it (such a span is empty here). Several checkpoints may lie at
// offset 0 (the blob starts with empty blocks or members); all but the last of
// them are empty spans here, so that span ids are those of the ztoc.
//
// Everything in a ztoc comes from a registry. Decode bounds what it allocates
// by a small multiple of the buffer, Layer bounds what a span may decode to,
// and both leave the windows where they are in the buffer.
package ztoc
