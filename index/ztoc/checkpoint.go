// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import "github.com/spryd/spry/index/span"

// WindowSize is the size of a stored window in bytes: as far as DEFLATE can
// refer back.
const WindowSize = 32 << 10

// v1HeaderSize is the size of a gzip header without optional fields, which
// version 1 of the checkpoint blob takes for granted.
const v1HeaderSize = 10

// Checkpoint is the state of a gzip decoder at the start of a DEFLATE block:
// bit position 8*In-Bits of the blob.
type Checkpoint struct {
	// In is the blob position of the first whole byte after the boundary.
	In span.CompressedOffset
	// Out is the tar stream position of the boundary.
	Out span.UncompressedOffset
	// Bits is how many high bits of byte In-1 come after the boundary, 0..7.
	Bits uint8
	// Window is the WindowSize tar stream bytes before Out, with zeros on the
	// left where there are fewer. Nil stands for all zeros. In a decoded Ztoc
	// it aliases the decoded buffer.
	Window []byte
}

// bit is the bit position of the blob that decoding starts at.
func (c Checkpoint) bit() int64 { return 8*int64(c.In) - int64(c.Bits) }

// start is the first blob byte that holds bits of the span.
func (c Checkpoint) start() span.CompressedOffset {
	if c.Bits != 0 {
		return c.In - 1
	}
	return c.In
}

// dictionary is the part of the window that is tar stream, not filling.
func (c Checkpoint) dictionary() []byte {
	n := int(min(c.Out, WindowSize))
	if len(c.Window) < n {
		return make([]byte, n)
	}
	return c.Window[len(c.Window)-n:]
}
