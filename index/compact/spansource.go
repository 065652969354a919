// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
)

// SpanSource describes one span of a [Source].
type SpanSource struct {
	// Start and End bound the blob bytes that Digest is of; neighbours share
	// a byte where the boundary is inside one.
	Start, End span.CompressedOffset
	// Bits is how many high bits of byte Start come after the boundary, 1 to
	// 7; 0 if all do (as in a ztoc's checkpoint, where In is then Start).
	Bits uint8
	// OutStart is the tar stream position of the boundary.
	OutStart span.UncompressedOffset
	Digest   span.Digest
	// Mask names the bytes of the window that the span refers to; nil stands
	// for all bytes of Window, which then are the last ones before OutStart.
	Mask *inflate.Mask
	// Window is the bytes that Mask names, in stream order, and no others.
	Window []byte
}
