// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package compact is the index form of our own: what a ztoc says of a layer,
// at a fraction of its size and ready to be mapped into memory.
//
// # Concepts
//
// A ztoc spends 32 KiB of window a span, and a text format's worth of file
// table. The compact form keeps of each window only the bytes that its span
// refers to, and a mask that tells which these are; it compresses them in
// groups, so that one is read without the others. The file table is the flat
// records of package toc.
//
// It has two representations of the same content:
//
//	wire    what a registry stores: [Encode] makes it of a [Source]; tables as
//	        columns, deltas, compressed
//	mapped  what a host keeps: [Map] and [Unpack] make it; tables as arrays
//	        that are used where they lie, windows behind them, which are read
//	        when a span is decoded
//
// [Open] makes a [Layer] of the mapped representation. docs/compact-index.md
// describes both byte by byte.
//
// # Trust
//
// The wire form is hostile until [Decode] or [Unpack] has checked it: every
// size is bounded and every reference lies in what it refers to. Checksums of
// the mapped form only guard against a disk that loses writes: whoever can
// change it owns the host.
//
// A window byte that the mask does not name is never used: a back-reference
// to one is an error of the span, as is one to before the window.
package compact
