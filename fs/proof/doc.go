// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package proof proves that a layer is what its index says.
//
// Span digests vouch for compressed bytes only. An index could still lie
// about names, owners, offsets, or the windows that spans are decoded with. So
// the spans of a layer go through a [Proof] as they arrive, and there, in stream order:
//
//	compressed bytes ──> digest of the layer, with what is before and behind the spans
//	start of a span  ──> where the stream leads to from its start or the span before
//	window of a span ──> compared with the decoded bytes before it
//	decoded bytes    ──> tar headers ──> tree, compared with the served one both ways
//
// # Order
//
// A span that arrives before its turn waits in a spool file: its compressed
// bytes, its last decoded bytes (the next span's window), and what of it is not
// file contents by the served tree (headers). It is not decoded again. The
// contents of files are passed over by the tar reader; one that finds a header
// there has found a lie.
//
// Memory is the headers read so far, as entries, and a record a waiting span.
// The state dies with the process: the next one has the layer fetched again.
//
// # What is not compared
//
// Modification times and link counts of what no entry describes are the tree's
// own invention, made the same way on both sides.
package proof
