// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// content is what both forms hold.
type content struct {
	plain                    bool
	compressed, uncompressed int64
	layer                    [32]byte
	tree                     *toc.Tree
	points                   []point
	groups                   []group
}

// point is where a span starts.
type point struct {
	bit    int64 // in the blob
	out    int64
	digest span.Digest
	// group and slot are where its window is; they are 0 in a plain tar.
	group, slot uint32
}

// group is windows that are compressed together.
type group struct {
	stored []byte // as it is, if its size is raw
	raw    int
	spans  int
}

// describe takes everything but the windows from s.
func describe(s *Source) (*content, error) {
	c := &content{
		plain: s.Plain, compressed: s.CompressedSize, uncompressed: s.UncompressedSize,
		tree: s.Tree, points: make([]point, len(s.Spans)),
	}
	if hexed, ok := strings.CutPrefix(string(s.LayerDigest), string(digest.SHA256)+":"); ok {
		if n, err := hex.Decode(c.layer[:], []byte(hexed[:min(len(hexed), 64)])); err != nil || n != len(c.layer) {
			return nil, fmt.Errorf("layer digest %.80q: %w", string(s.LayerDigest), ErrInvalid)
		}
	}
	for i := range s.Spans {
		sp := &s.Spans[i]
		if sp.Bits > 7 || sp.Start < 0 || sp.Start > maxStream {
			return nil, fmt.Errorf("span %d at %d, bits %d: %w", i, sp.Start, sp.Bits, ErrInvalid)
		}
		c.points[i] = point{bit: int64(sp.Start)*8 + int64(8-sp.Bits)%8, out: int64(sp.OutStart), digest: sp.Digest}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	for i := range s.Spans {
		if got := c.span(i); s.Spans[i].End != got.End {
			return nil, fmt.Errorf("span %d ends at %d, the next one begins at %d: %w", i, s.Spans[i].End, got.End, ErrInvalid)
		}
	}
	return c, nil
}

// addWindows puts the windows of s into groups, each of which takes windows
// until it has size bytes; squeeze makes them smaller.
func (c *content) addWindows(s *Source, size int, squeeze func([]byte) []byte) error {
	if c.plain {
		return nil
	}
	var w groupWriter
	first := 0
	for i := range s.Spans {
		sp := &s.Spans[i]
		mask, err := maskOf(sp)
		if err != nil {
			return fmt.Errorf("span %d: %w", i, err)
		}
		w.add(mask, sp.Window)
		c.points[i].group, c.points[i].slot = uint32(len(c.groups)), uint32(i-first)
		if w.size() < size && i+1 < len(s.Spans) {
			continue
		}
		raw := w.take()
		g := group{stored: squeeze(raw), raw: len(raw), spans: i + 1 - first}
		if len(g.stored) >= len(raw) {
			g.stored = raw
		}
		c.groups = append(c.groups, g)
		first = i + 1
	}
	return nil
}

// maskOf is the mask of sp's window.
func maskOf(sp *SpanSource) (*inflate.Mask, error) {
	m := sp.Mask
	if m == nil {
		m = &inflate.Mask{}
		if n := len(sp.Window); n <= inflate.WindowSize {
			m.Add(inflate.WindowSize-n, inflate.WindowSize)
		}
	}
	if m.Len() != len(sp.Window) {
		return nil, fmt.Errorf("window of %d bytes, its mask has %d: %w", len(sp.Window), m.Len(), ErrInvalid)
	}
	return m, nil
}

// span is span i.
func (c *content) span(i int) span.Span {
	end, outEnd := c.compressed, max(c.uncompressed, c.points[i].out)
	if i+1 < len(c.points) {
		end, outEnd = (c.points[i+1].bit+7)/8, c.points[i+1].out
	}
	return span.Span{
		ID: span.ID(i), Digest: c.points[i].digest,
		Start: span.CompressedOffset(c.points[i].bit / 8), End: span.CompressedOffset(end),
		OutStart: span.UncompressedOffset(c.points[i].out), OutEnd: span.UncompressedOffset(outEnd),
	}
}
