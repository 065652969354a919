// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import "fmt"

// Encode writes the wire form of s. The same source gives the same bytes.
// Errors match [ErrInvalid] if s is not consistent, [ErrUnsupported] if there
// is no compact index of such a layer, or toc.ErrTree.
func Encode(s Source) ([]byte, error) {
	c, err := describe(&s)
	if err != nil {
		return nil, fmt.Errorf("encode compact index: %w", err)
	}
	if c.layer == [32]byte{} {
		return nil, fmt.Errorf("encode compact index: layer digest %.80q: %w", string(s.LayerDigest), ErrUnsupported)
	}
	if err := c.addWindows(&s, groupSize, compress); err != nil {
		return nil, fmt.Errorf("encode compact index: %w", err)
	}
	b, err := c.encode()
	if err != nil {
		return nil, fmt.Errorf("encode compact index: %w", err)
	}
	return b, nil
}

func (c *content) encode() ([]byte, error) {
	tree, err := c.tree.Pack()
	if err != nil {
		return nil, err
	}
	columns := c.columns()
	var digests, windows []byte
	for i := range c.points {
		digests = append(digests, c.points[i].digest[:]...)
	}
	for i := range c.groups {
		windows = append(windows, c.groups[i].stored...)
	}
	parts := [wireSections][]byte{
		wireTree: compress(tree), wireSpans: compress(columns), wireDigests: digests, wireWindows: windows,
	}
	h := c.header(wire)
	var tables []byte
	for i, p := range parts {
		h.sections = append(h.sections, section{size: int64(len(p)), raw: int64(len(p))})
		if i != wireWindows {
			tables = append(tables, p...)
		}
	}
	h.sections[wireTree].raw, h.sections[wireSpans].raw = int64(len(tree)), int64(len(columns))
	h.tablesChecksum = checksum(tables)
	if h.end() > MaxSize {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", h.end(), MaxSize, ErrUnsupported)
	}
	b := h.append(make([]byte, 0, h.end()))
	b = append(b, tables...)
	return append(b, windows...), nil
}

// header is a header of c, without sections.
func (c *content) header(f form) *header {
	return &header{
		form: f, plain: c.plain, spans: len(c.points), groups: len(c.groups),
		compressed: c.compressed, uncompressed: c.uncompressed, layer: c.layer,
	}
}
