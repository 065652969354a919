// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// point is a place where decoding can start.
type point struct {
	in   span.CompressedOffset // as in a ztoc: bits before it belong to the point
	out  span.UncompressedOffset
	bits uint8
	// coarse points are the ztoc's, fine ones those of the compact form.
	coarse, fine bool
}

// newPoint is the point at b.
func newPoint(b inflate.Block) point {
	in := (b.BitPos + 7) / 8
	return point{
		in: span.CompressedOffset(in), out: span.UncompressedOffset(b.Out),
		bits: uint8(8*in - b.BitPos),
	}
}

// shared is the number of bytes, 0 or 1, before in that have bits of it.
func (p point) shared() int {
	if p.bits != 0 {
		return 1
	}
	return 0
}

// start is the first byte that has bits of it.
func (p point) start() span.CompressedOffset { return p.in - span.CompressedOffset(p.shared()) }

// checkpoint is the point, behind window, as a ztoc has it.
func (p point) checkpoint(window []byte) ztoc.Checkpoint {
	c := ztoc.Checkpoint{In: p.in, Out: p.out, Bits: p.bits}
	if len(window) > 0 {
		c.Window = make([]byte, ztoc.WindowSize)
		copy(c.Window[ztoc.WindowSize-len(window):], window)
	}
	return c
}
