// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import "github.com/spryd/spry/index/ztoc"

// piece is the blob from one point to the next. That of a point which is neither coarse nor fine goes on
// with the spans of the piece before, or is what comes before the first span.
type piece struct {
	point
	data []byte // compressed bytes, first the shared one
	size int64  // of the output in bytes
}

// cutter gathers the bytes of a blob into pieces. Where a piece ends is told
// later than the bytes.
type cutter struct {
	buf  []byte // from base on
	base int64  // blob position
	free chan []byte
	most int // bytes of the largest piece so far
}

func newCutter() *cutter { return &cutter{free: make(chan []byte, maxPieces)} }

// write takes the next bytes of the blob.
func (c *cutter) write(p []byte) error {
	if len(c.buf)+len(p) > ztoc.MaxSpanSize {
		return skipf(nil, "a block of more than %d bytes", int64(ztoc.MaxSpanSize))
	}
	c.buf = append(c.buf, p...)
	return nil
}

// cut returns the bytes up to next, which has to be at or behind base, and
// starts with those of next.
func (c *cutter) cut(next point) []byte {
	data := c.buf[:int64(next.in)-c.base]
	c.most = max(c.most, len(c.buf))
	rest := c.buf[int64(next.start())-c.base:]
	c.buf = append(c.buffer(), rest...)
	c.base = int64(next.start())
	return data
}

// buffer is an empty one, if possible a used one, else one that the largest
// piece would have fitted in.
func (c *cutter) buffer() []byte {
	select {
	case b := <-c.free:
		return b[:0]
	default:
		return make([]byte, 0, c.most)
	}
}

// recycle takes the bytes of a piece back. Any goroutine may call it.
func (c *cutter) recycle(b []byte) {
	select {
	case c.free <- b:
	default:
	}
}
