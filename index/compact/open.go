// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/spryd/spry/index/toc"
)

// headerRead is enough for any header.
const headerRead = fixedSize + maxSections*sectionSize

// Inspect checks the mapped form that file holds, of size bytes, without the
// windows, which [Layer.Decode] checks: a checksum of everything that is to be
// mapped. It returns how many bytes that are, from the start. Errors match
// [ErrInvalid] or [ErrVersion], or are file's.
func Inspect(file io.ReaderAt, size int64) (tables int64, err error) {
	b := make([]byte, min(size, headerRead))
	if _, err := file.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	h, err := parseHeader(b, mapped, size)
	if err != nil {
		return 0, fmt.Errorf("mapped index: %w", err)
	}
	sum := crc32.New(castagnoli)
	r := io.NewSectionReader(file, h.size(), h.windows()-h.size())
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{r}, make([]byte, 64<<10)); err != nil {
		return 0, err
	}
	if got := sum.Sum32(); got != h.tablesChecksum {
		return 0, fmt.Errorf("mapped index: tables have checksum %08x, not %08x: %w", got, h.tablesChecksum, ErrInvalid)
	}
	return h.windows(), nil
}

// Open is the layer of a mapped form that [Inspect] has checked. tables is its
// start, at least what Inspect said and aligned to 8 bytes; the Layer keeps it,
// and it must stay as it is. Windows are read from file when they are needed.
func Open(tables []byte, file io.ReaderAt) (*Layer, error) {
	h, err := parseOpened(tables)
	if err != nil {
		return nil, fmt.Errorf("open mapped index: %w", err)
	}
	part := func(i int) []byte {
		off := h.at(i)
		return tables[off : off+h.sections[i].size : off+h.sections[i].size]
	}
	l := &Layer{
		records: records{spans: part(mapSpans), groups: part(mapGroups), compressed: h.compressed, uncompressed: h.uncompressed},
		plain:   h.plain, layer: h.layer, file: file, windows: h.windows(),
	}
	if l.len() != h.spans || len(l.spans)%spanRecord != 0 || len(l.groups) != h.groups*groupRecord {
		return nil, fmt.Errorf("open mapped index: %d bytes for %d spans, %d for %d groups: %w",
			len(l.spans), h.spans, len(l.groups), h.groups, ErrInvalid)
	}
	l.tree, err = toc.FromTables(toc.Tables{
		Nodes: part(mapNodes), Ents: part(mapEnts), Owners: part(mapOwners), Xattrs: part(mapXattrs),
		Files: part(mapFiles), Names: part(mapNames), Text: part(mapText),
	})
	if err != nil {
		return nil, fmt.Errorf("open mapped index: %w: %w", err, ErrInvalid)
	}
	return l, nil
}

// parseOpened reads the header of a mapped form of which tables is the start.
func parseOpened(tables []byte) (*header, error) {
	if len(tables) < fixedSize {
		return nil, fmt.Errorf("%d bytes: %w", len(tables), ErrInvalid)
	}
	h, err := parseHeader(tables, mapped, -1)
	if err != nil {
		return nil, err
	}
	if h.windows() > int64(len(tables)) {
		return nil, fmt.Errorf("%d bytes of %d: %w", len(tables), h.windows(), ErrInvalid)
	}
	return h, nil
}
