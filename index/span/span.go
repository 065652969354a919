// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package span models a layer as a sequence of spans: pieces of the blob that
// can be fetched, verified and decoded alone.
//
// A span has two ranges: the bytes it occupies in the blob as the registry
// serves it (compressed offsets) and the bytes it yields in the tar stream
// (uncompressed offsets). The two kinds of offset are distinct types, so that
// one is never taken for the other.
//
// Every index format (ztoc, compact, eStargz) describes a layer through the
// small interface [Layer]; nothing above this package knows which one it was.
package span

import "crypto/sha256"

// ID numbers the spans of a layer from 0, in stream order.
type ID int32

// CompressedOffset is a byte position in a layer blob.
type CompressedOffset int64

// UncompressedOffset is a byte position in the layer's tar stream.
type UncompressedOffset int64

// Digest is the SHA-256 of a span's compressed bytes.
type Digest [sha256.Size]byte

// Span is one piece of a layer.
type Span struct {
	ID ID
	// Start and End bound the compressed bytes, [Start, End). Neighbouring
	// spans overlap by one byte where the boundary is inside a byte.
	Start, End CompressedOffset
	// OutStart and OutEnd bound the decoded bytes, [OutStart, OutEnd). They
	// are contiguous from span to span, and OutStart <= OutEnd.
	OutStart, OutEnd UncompressedOffset
	// Digest is what the compressed bytes must hash to.
	Digest Digest
}

// CompressedSize is the number of blob bytes of the span.
func (s Span) CompressedSize() int64 { return int64(s.End - s.Start) }

// UncompressedSize is the number of tar stream bytes of the span.
func (s Span) UncompressedSize() int64 { return int64(s.OutEnd - s.OutStart) }

// Layer is a layer as spans. Implementations are immutable and safe for
// concurrent use.
type Layer interface {
	// Len is the number of spans.
	Len() int
	// Span describes span id, 0 <= id < Len().
	Span(id ID) Span
	// At is the span that holds the tar stream byte at off. Offsets before
	// the first span give 0, offsets past the end the last span.
	At(off UncompressedOffset) ID
	// CompressedSize is the size of the blob in bytes.
	CompressedSize() int64
	// Decode returns the tar stream bytes [OutStart, OutEnd) of a verified
	// span. It uses buf's capacity when that suffices (DecodeBufferSize) and
	// allocates otherwise; the result may alias buf but never data.
	Decode(buf []byte, data Verified) ([]byte, error)
	// DecodeBufferSize is the capacity with which Decode does not allocate
	// for span id.
	DecodeBufferSize(id ID) int
}
