// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/spryd/spry/index/inflate"
)

// A group, decompressed:
//
//	size of masks    varint
//	masks            of each window: number of runs, then of each run the bytes
//	                 left out before it and its length less one, as varints
//	bytes            of each window, in stream order
type groupWriter struct {
	masks, bytes []byte
}

func (g *groupWriter) size() int { return len(g.masks) + len(g.bytes) }

// add puts a window into the group.
func (g *groupWriter) add(m *inflate.Mask, window []byte) {
	g.masks = appendMask(g.masks, m)
	g.bytes = append(g.bytes, window...)
}

// take is the group's content; the writer is empty then.
func (g *groupWriter) take() []byte {
	b := binary.AppendUvarint(nil, uint64(len(g.masks)))
	b = append(b, g.masks...)
	b = append(b, g.bytes...)
	g.masks, g.bytes = g.masks[:0], g.bytes[:0]
	return b
}

// appendMask writes a mask as runs.
func appendMask(b []byte, m *inflate.Mask) []byte {
	runs := 0
	for i := nextBit(m, 0, 0); i < inflate.WindowSize; runs++ {
		i = nextBit(m, nextBit(m, i, ^uint64(0)), 0)
	}
	b = binary.AppendUvarint(b, uint64(runs))
	end := 0
	for range runs {
		first := nextBit(m, end, 0)
		gap := first - end
		end = nextBit(m, first, ^uint64(0))
		b = binary.AppendUvarint(b, uint64(gap))
		b = binary.AppendUvarint(b, uint64(end-first-1))
	}
	return b
}

// nextBit is the first byte from i on that is in the mask (flip 0) or is not
// (flip all ones); WindowSize if there is none.
func nextBit(m *inflate.Mask, i int, flip uint64) int {
	for i < inflate.WindowSize {
		if w := (m[i/64] ^ flip) >> (i % 64); w != 0 {
			return i + bits.TrailingZeros64(w)
		}
		i += 64 - i%64
	}
	return inflate.WindowSize
}

// window is one of a group, at its place.
type window struct {
	mask  inflate.Mask
	bytes [inflate.WindowSize]byte // zero where the mask has nothing
}

// groupReader finds windows in a group, which stand there without places: to
// find one is to pass over those before it. Windows are mostly wanted one after
// the other, so that it goes on from the last one. It is of no use after an error.
type groupReader struct {
	group       []byte
	masks, data []byte // of window number next and the following ones
	next        int
}

// open begins to read group b.
func (g *groupReader) open(b []byte) error {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return fmt.Errorf("group of %d bytes has masks of %d: %w", len(b), size, ErrInvalid)
	}
	*g = groupReader{group: b, masks: b[n : n+int(size)], data: b[n+int(size):]}
	return nil
}

// read makes w window number slot. What w is before, if anything, has to be the
// last one that was read.
func (g *groupReader) read(w *window, slot int) error {
	if slot == g.next-1 {
		return nil
	}
	if slot < g.next {
		if err := g.open(g.group); err != nil {
			return err
		}
	}
	for {
		w.mask = inflate.Mask{}
		count, rest, err := w.readMask(g.masks)
		if err != nil {
			return err
		}
		if count > len(g.data) {
			return fmt.Errorf("window %d of a group has %d bytes of %d: %w", g.next, len(g.data), count, ErrInvalid)
		}
		data := g.data[:count]
		g.masks, g.data = rest, g.data[count:]
		if g.next++; g.next > slot {
			w.fill(data)
			return nil
		}
	}
}

// readMask reads the mask that b begins with. It returns the number of bytes in
// it, and what follows.
func (w *window) readMask(b []byte) (count int, rest []byte, err error) {
	runs, n := binary.Uvarint(b)
	if n <= 0 || runs > inflate.WindowSize/2 {
		return 0, nil, fmt.Errorf("mask of %d runs: %w", runs, ErrInvalid)
	}
	b = b[n:]
	end := uint64(0)
	for range runs {
		gap, n := binary.Uvarint(b)
		run, k := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || k <= 0 || gap >= inflate.WindowSize || run >= inflate.WindowSize || end+gap+run+1 > inflate.WindowSize {
			return 0, nil, fmt.Errorf("run of %d bytes after %d and %d: %w", run, end, gap, ErrInvalid)
		}
		first := end + gap
		end = first + run + 1
		w.mask.Add(int(first), int(end))
		count += int(run) + 1
		b = b[n+k:]
	}
	return count, b, nil
}

// fill puts the bytes of the mask at their places.
func (w *window) fill(data []byte) {
	clear(w.bytes[:])
	for i := 0; len(data) > 0; {
		i = nextBit(&w.mask, i, 0)
		end := nextBit(&w.mask, i, ^uint64(0))
		data = data[copy(w.bytes[i:end], data):]
		i = end
	}
}
