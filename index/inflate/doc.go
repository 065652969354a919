// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package inflate decodes DEFLATE (RFC 1951) from any bit offset into flat
// buffers, and walks gzip streams (RFC 1952) to find the places where that is
// possible.
//
// # Concepts
//
// A DEFLATE stream is a sequence of blocks. Decoding can start at the header
// of any block if the up to 32 KiB of output before it, the window, are known.
// A pair of (bit position, window) is therefore a checkpoint: with it a piece
// in the middle of a gzip layer is readable without what comes before.
//
// [Walk] reads a whole gzip stream once and reports every block start;
// [Piece.Decode] decodes from one of them to another. Both accept and reject what
// compress/flate and compress/gzip accept and reject.
//
// # Buffers
//
// The window lies directly in front of the output in one buffer, so that a
// back-reference is a plain copy, and one that reaches before the window is
// an error. Behind the output the buffer has [OutputSlack] bytes of scratch
// for wide copies. Nothing is read outside the input.
//
//	+--------------+---------------------------+-------+
//	| window       | output                    | slack |
//	+--------------+---------------------------+-------+
//	0              pos -->                     limit   len
//
// # Structure
//
// Huffman data is decoded by two loops over the same state. The fast loop (the
// only user of unsafe) runs while enough input is ahead that no symbol can
// touch its end; the careful loop decodes single symbols, all or nothing, and
// finishes whatever the fast loop leaves. Other architectures than amd64 and
// arm64, and the build tag purego, have the careful loop only.
//
// # Windows in part
//
// Few bytes of a window are ever referred to. [Piece.Used] and [Walker.Trace] find
// out which, and [Piece.Known] decodes with no others. A reference to the window is not a
// plain copy for either: both loops hand it to one place that looks at the
// [Mask], and go on. After 32 KiB of output there are none.
//
// # From piece to piece
//
// That a piece decodes to the right bytes does not make the next checkpoint
// one of the stream: it has to be where decoding arrives when nothing but ends of
// blocks, empty blocks and borders of members are left. [Piece.End] makes it so,
// [CheckLead] for what is before the first piece. A chain of pieces, each decoded
// with the bytes before it as window, is then the stream and nothing else.
//
// Nothing here starts goroutines, logs or touches files; all functions may be
// called concurrently, a [Walker] may not be shared.
package inflate

const (
	// InputPadding is the number of readable bytes wanted after the input.
	// It is zero: the decoder reads nothing outside its input.
	InputPadding = 0
	// OutputSlack is the number of writable bytes wanted after the output:
	// a last symbol of 258 bytes that starts just before the limit, two
	// literals before it, and the width of a copy.
	OutputSlack = 320
	// WindowSize is the farthest a back-reference can reach, in bytes
	// (RFC 1951, 2).
	WindowSize = 32 << 10
)
