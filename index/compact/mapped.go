// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/spryd/spry/index/span"
)

// Records of the mapped form, numbers in little endian:
//
//	span record            group record
//	 0  8  bit in blob      0  8  offset in the windows
//	 8  8  tar position     8  4  bytes as stored
//	16 32  digest          12  4  bytes decompressed
//	48  4  group           16  4  CRC-32C as stored
//	52  4  slot            20  4  0
const (
	spanRecord  = 56
	groupRecord = 24
)

// writeMapped writes the mapped form.
func (c *content) writeMapped(w io.Writer) error {
	tb := c.tree.Tables()
	parts := [mapSections][]byte{
		mapSpans: c.spanRecords(), mapNodes: tb.Nodes, mapEnts: tb.Ents, mapOwners: tb.Owners,
		mapXattrs: tb.Xattrs, mapFiles: tb.Files, mapNames: tb.Names, mapText: tb.Text,
	}
	var windows int64
	parts[mapGroups], windows = c.groupRecords()
	h := c.header(mapped)
	h.sections = make([]section, mapSections)
	for i, p := range parts {
		h.sections[i] = section{size: int64(len(p)), raw: int64(len(p))}
	}
	h.sections[mapWindows] = section{size: windows, raw: windows}
	tables := make([]byte, h.windows()-h.size())
	for i, p := range parts[:mapWindows] {
		copy(tables[h.at(i)-h.size():], p)
	}
	h.tablesChecksum = checksum(tables)
	for _, b := range [][]byte{h.append(nil), tables} {
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write mapped index: %w", err)
		}
	}
	for i := range c.groups {
		if _, err := w.Write(c.groups[i].stored); err != nil {
			return fmt.Errorf("write mapped index: %w", err)
		}
	}
	return nil
}

func (c *content) spanRecords() []byte {
	le, b := binary.LittleEndian, make([]byte, 0, len(c.points)*spanRecord)
	for i := range c.points {
		p := &c.points[i]
		b = le.AppendUint64(b, uint64(p.bit))
		b = le.AppendUint64(b, uint64(p.out))
		b = append(b, p.digest[:]...)
		b = le.AppendUint32(b, p.group)
		b = le.AppendUint32(b, p.slot)
	}
	return b
}

func (c *content) groupRecords() (b []byte, windows int64) {
	le := binary.LittleEndian
	for i := range c.groups {
		g := &c.groups[i]
		b = le.AppendUint64(b, uint64(windows))
		b = le.AppendUint32(b, uint32(len(g.stored)))
		b = le.AppendUint32(b, uint32(g.raw))
		b = le.AppendUint32(b, checksum(g.stored))
		b = le.AppendUint32(b, 0)
		windows += int64(len(g.stored))
	}
	return b, windows
}

// records are the spans and groups of the mapped form where they lie.
type records struct {
	spans, groups            []byte
	compressed, uncompressed int64
}

func (r *records) len() int { return len(r.spans) / spanRecord }

// bit and out are where span i starts.
func (r *records) bit(i int) int64 {
	return int64(binary.LittleEndian.Uint64(r.spans[i*spanRecord:]))
}

func (r *records) out(i int) int64 {
	return int64(binary.LittleEndian.Uint64(r.spans[i*spanRecord+8:]))
}

// window is where the window of span i is.
func (r *records) window(i int) (group, slot int) {
	b := r.spans[i*spanRecord+48:]
	return int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
}

// span is span i.
func (r *records) span(i int) span.Span {
	s := span.Span{
		ID: span.ID(i), Digest: span.Digest(r.spans[i*spanRecord+16:]),
		Start: span.CompressedOffset(r.bit(i) / 8), End: span.CompressedOffset(r.compressed),
		OutStart: span.UncompressedOffset(r.out(i)),
	}
	s.OutEnd = max(span.UncompressedOffset(r.uncompressed), s.OutStart)
	if i+1 < r.len() {
		s.End, s.OutEnd = span.CompressedOffset((r.bit(i+1)+7)/8), span.UncompressedOffset(r.out(i+1))
	}
	return s
}
