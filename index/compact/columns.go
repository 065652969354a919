// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"encoding/binary"
	"fmt"
)

// Columns of the wire form's spans, numbers as varints:
//
//	of each span   bits of the blob since the one before
//	of each span   bytes of the tar stream since the one before
//	of each group  spans
//	of each group  bytes as stored
//	of each group  bytes decompressed; 0 if it is stored as it is
func (c *content) columns() []byte {
	var b []byte
	last := point{}
	for _, p := range c.points {
		b = binary.AppendUvarint(b, uint64(p.bit-last.bit))
		last = p
	}
	last = point{}
	for _, p := range c.points {
		b = binary.AppendUvarint(b, uint64(p.out-last.out))
		last = p
	}
	for _, g := range c.groups {
		b = binary.AppendUvarint(b, uint64(g.spans))
	}
	for _, g := range c.groups {
		b = binary.AppendUvarint(b, uint64(len(g.stored)))
	}
	for _, g := range c.groups {
		raw := uint64(g.raw)
		if g.raw == len(g.stored) {
			raw = 0
		}
		b = binary.AppendUvarint(b, raw)
	}
	return b
}

// numbers reads varints from front to end.
type numbers struct {
	b   []byte
	bad bool
}

// next reads a number below limit; 0 if there is none.
func (n *numbers) next(limit uint64) int64 {
	v, size := binary.Uvarint(n.b)
	if size <= 0 || v >= limit {
		n.bad = true
		return 0
	}
	n.b = n.b[size:]
	return int64(v)
}

// readColumns makes points, without digests, and groups of columns and the
// windows section.
func (c *content) readColumns(b, windows []byte, spans, groups int) error {
	if 2*spans > len(b) || 3*groups > len(b) {
		return fmt.Errorf("%d spans and %d groups in %d bytes: %w", spans, groups, len(b), ErrInvalid)
	}
	n := numbers{b: b}
	c.points, c.groups = make([]point, spans), make([]group, groups)
	bit, out := int64(0), int64(0)
	for i := range c.points {
		bit = min(bit+n.next(8*maxStream), 8*maxStream)
		c.points[i].bit = bit
	}
	for i := range c.points {
		out = min(out+n.next(maxStream), maxStream)
		c.points[i].out = out
	}
	for i := range c.groups {
		c.groups[i].spans = int(n.next(MaxSpans + 1))
	}
	for i := range c.groups {
		size := n.next(maxGroup + 1)
		if size > int64(len(windows)) {
			return fmt.Errorf("group %d has %d of %d bytes: %w", i, len(windows), size, ErrInvalid)
		}
		c.groups[i].stored, windows = windows[:size:size], windows[size:]
	}
	for i := range c.groups {
		if c.groups[i].raw = int(n.next(maxGroup + 1)); c.groups[i].raw == 0 {
			c.groups[i].raw = len(c.groups[i].stored)
		}
	}
	if n.bad || len(n.b) > 0 || len(windows) > 0 {
		return fmt.Errorf("spans end with %d bytes, windows with %d too many: %w", len(n.b), len(windows), ErrInvalid)
	}
	return c.assign()
}

// assign tells the spans which group their window is in.
func (c *content) assign() error {
	i := 0
	for g := range c.groups {
		n := c.groups[g].spans
		if n < 1 || n > len(c.points)-i {
			return fmt.Errorf("group %d has %d of %d spans: %w", g, n, len(c.points)-i, ErrInvalid)
		}
		for slot := range n {
			c.points[i].group, c.points[i].slot = uint32(g), uint32(slot)
			i++
		}
	}
	if want := len(c.points); i != want && !c.plain || i != 0 && c.plain {
		return fmt.Errorf("groups have %d spans of %d: %w", i, want, ErrInvalid)
	}
	return nil
}
