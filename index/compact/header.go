// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	magic   = "sprycidx"
	version = 1

	// Sizes of the header's parts in bytes.
	fixedSize   = 80
	sectionSize = 16

	maxSections = 16
	// align is where sections of the mapped form start at multiples.
	align = 8
)

// form is a representation.
type form uint8

const (
	wire   form = 1
	mapped form = 2
)

// Sections of the wire form, in order.
const (
	wireTree    = iota // packed, see toc.Tree.Pack; compressed
	wireSpans          // columns, see columns.go; compressed
	wireDigests        // 32 bytes a span
	wireWindows        // groups, one behind the other
	wireSections
)

// Sections of the mapped form, in order.
const (
	mapSpans  = iota // span records, see records.go
	mapGroups        // group records
	mapNodes         // the tables of toc.Tables
	mapEnts
	mapOwners
	mapXattrs
	mapFiles
	mapNames
	mapText
	mapWindows // as in the wire form, or not compressed
	mapSections
)

// section is where a part of the file lies.
type section struct {
	size int64 // as stored
	raw  int64 // when decompressed
}

// header is the start of both forms.
type header struct {
	form           form
	plain          bool
	spans, groups  int
	compressed     int64
	uncompressed   int64
	layer          [32]byte // zero in the mapped form of a layer without SHA-256
	sections       []section
	tablesChecksum uint32 // of everything between header and windows
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// size is the header's length in bytes.
func (h *header) size() int64 { return int64(fixedSize + len(h.sections)*sectionSize) }

// at is where section i starts.
func (h *header) at(i int) int64 {
	off := h.size()
	for _, s := range h.sections[:i] {
		off = h.aligned(off + s.size)
	}
	return off
}

// aligned is where a section starts that could start at off.
func (h *header) aligned(off int64) int64 {
	if h.form == mapped {
		return (off + align - 1) / align * align
	}
	return off
}

// windows is where the last section starts, the windows.
func (h *header) windows() int64 { return h.at(len(h.sections) - 1) }

// end is the size of the file.
func (h *header) end() int64 { return h.windows() + h.sections[len(h.sections)-1].size }

// append writes the header behind b.
func (h *header) append(b []byte) []byte {
	le, start := binary.LittleEndian, len(b)
	b = append(b, magic...)
	b = le.AppendUint16(b, version)
	b = append(b, byte(h.form), 1)
	if h.plain {
		b[len(b)-1] = 2
	}
	b = le.AppendUint32(b, uint32(h.spans))
	b = le.AppendUint64(b, uint64(h.compressed))
	b = le.AppendUint64(b, uint64(h.uncompressed))
	b = append(b, h.layer[:]...)
	b = le.AppendUint32(b, uint32(h.groups))
	b = le.AppendUint32(b, uint32(len(h.sections)))
	b = le.AppendUint32(b, h.tablesChecksum)
	b = le.AppendUint32(b, 0)
	for _, s := range h.sections {
		b = le.AppendUint64(b, uint64(s.size))
		b = le.AppendUint64(b, uint64(s.raw))
	}
	le.PutUint32(b[start+fixedSize-4:], checksum(b[start:]))
	return b
}

// parseHeader reads the header of a file of that form from its first bytes.
// size is that of the file, negative if it is not known.
func parseHeader(b []byte, want form, size int64) (*header, error) {
	le := binary.LittleEndian
	if len(b) < fixedSize || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("no compact index: %w", ErrInvalid)
	}
	if v := le.Uint16(b[8:]); v != version {
		return nil, fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	h := &header{
		form: form(b[10]), plain: b[11] == 2, spans: int(le.Uint32(b[12:])),
		compressed: int64(le.Uint64(b[16:])), uncompressed: int64(le.Uint64(b[24:])),
		layer: [32]byte(b[32:]), groups: int(le.Uint32(b[64:])), tablesChecksum: le.Uint32(b[72:]),
	}
	n := le.Uint32(b[68:])
	if h.form != want || b[11] < 1 || b[11] > 2 || n > maxSections || len(b) < fixedSize+int(n)*sectionSize {
		return nil, fmt.Errorf("form %d, compression %d, %d sections: %w", h.form, b[11], n, ErrInvalid)
	}
	for i := range int(n) {
		s := b[fixedSize+i*sectionSize:]
		h.sections = append(h.sections, section{int64(le.Uint64(s)), int64(le.Uint64(s[8:]))})
	}
	all := bytes.Clone(b[:h.size()])
	le.PutUint32(all[fixedSize-4:], 0)
	if got := checksum(all); got != le.Uint32(b[fixedSize-4:]) {
		return nil, fmt.Errorf("header has checksum %08x, not %08x: %w", got, le.Uint32(b[fixedSize-4:]), ErrInvalid)
	}
	return h, h.check(size)
}

// check bounds what the header says.
func (h *header) check(size int64) error {
	want := wireSections
	if h.form == mapped {
		want = mapSections
	}
	if len(h.sections) != want {
		return fmt.Errorf("%d sections, want %d: %w", len(h.sections), want, ErrInvalid)
	}
	for i, s := range h.sections {
		if s.size < 0 || s.size > maxSize || s.raw < 0 || s.raw > maxSize {
			return fmt.Errorf("section %d of %d bytes in %d, %d decompressed: %w", i, s.size, size, s.raw, ErrInvalid)
		}
	}
	switch {
	case size >= 0 && h.end() != size:
		return fmt.Errorf("%d bytes, want %d: %w", size, h.end(), ErrInvalid)
	case h.spans < 1 || h.spans > MaxSpans || h.groups < 0 || h.groups > h.spans:
		return fmt.Errorf("%d spans in %d groups: %w", h.spans, h.groups, ErrInvalid)
	case h.compressed < 0 || h.compressed > maxStream || h.uncompressed < 0 || h.uncompressed > maxStream:
		return fmt.Errorf("sizes %d and %d: %w", h.compressed, h.uncompressed, ErrInvalid)
	}
	return nil
}
