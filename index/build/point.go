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
	// window is the up to WindowSize bytes before the point. Those of coarse
	// points are kept by the ztoc, others are returned to the pass.
	window []byte
}

// newPoint is the point at b, without its window.
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

// checkpoint is the point as a ztoc has it. It keeps the window.
func (p point) checkpoint() ztoc.Checkpoint {
	c := ztoc.Checkpoint{In: p.in, Out: p.out, Bits: p.bits}
	if len(p.window) > 0 {
		c.Window = p.window[:ztoc.WindowSize:ztoc.WindowSize]
		if n := len(p.window); n < ztoc.WindowSize {
			c.Window = make([]byte, ztoc.WindowSize)
			copy(c.Window[ztoc.WindowSize-n:], p.window)
		}
	}
	return c
}
