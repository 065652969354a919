// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spryd/spry/index/toc"
)

// Unpack writes the mapped form of the wire form b, which it checks. Of the
// windows only the sizes are looked at: they are checked when they are used.
// Errors match [ErrInvalid], [ErrUnsupported] or [ErrVersion], or are w's.
func Unpack(w io.Writer, b []byte) error {
	c, err := parse(b)
	if err != nil {
		return fmt.Errorf("compact index: %w", err)
	}
	return c.writeMapped(w)
}

// Map writes the mapped form of s; windows are stored as they are.
func Map(w io.Writer, s Source) error {
	c, err := describe(&s)
	if err == nil {
		err = c.addWindows(&s, 1, func(b []byte) []byte { return b })
	}
	if err != nil {
		return fmt.Errorf("map index: %w", err)
	}
	return c.writeMapped(w)
}

// Decode is the layer of the wire form b, held in memory: [Unpack] and [Open]
// in one.
func Decode(b []byte) (*Layer, error) {
	var out bytes.Buffer
	if err := Unpack(&out, b); err != nil {
		return nil, err
	}
	return Open(bytes.Clone(out.Bytes()), bytes.NewReader(out.Bytes()))
}

// parse reads the wire form.
func parse(b []byte) (*content, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", len(b), MaxSize, ErrUnsupported)
	}
	h, err := parseHeader(b, wire, int64(len(b)))
	if err != nil {
		return nil, err
	}
	if got := checksum(b[h.size():h.windows()]); got != h.tablesChecksum {
		return nil, fmt.Errorf("tables have checksum %08x, not %08x: %w", got, h.tablesChecksum, ErrInvalid)
	}
	if digests := h.sections[wireDigests].size; digests != int64(h.spans)*32 {
		return nil, fmt.Errorf("%d bytes of digests for %d spans: %w", digests, h.spans, ErrInvalid)
	}
	part := func(i int) []byte { return b[h.at(i) : h.at(i)+h.sections[i].size] }
	c := &content{plain: h.plain, compressed: h.compressed, uncompressed: h.uncompressed, layer: h.layer}
	columns, err := expand(part(wireSpans), h.sections[wireSpans].raw, maxColumns)
	if err != nil {
		return nil, fmt.Errorf("spans: %w", err)
	}
	if err := c.readColumns(columns, part(wireWindows), h.spans, h.groups); err != nil {
		return nil, err
	}
	for i, digests := 0, part(wireDigests); i < len(c.points); i++ {
		c.points[i].digest = [32]byte(digests[32*i:])
	}
	packed, err := expand(part(wireTree), h.sections[wireTree].raw, toc.MaxPacked)
	if err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}
	if c.tree, err = toc.Unpack(packed); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrInvalid)
	}
	return c, c.check()
}

// expand decompresses b to size bytes.
func expand(b []byte, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", size, limit, ErrInvalid)
	}
	out := make([]byte, size)
	return out, decompress(out, b)
}
