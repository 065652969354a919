// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"bytes"
	"fmt"
	"io"
	"sort"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Layer is a layer as its mapped form describes it. It refers to the tables it
// was opened with. Immutable but for Repair; safe for concurrent use.
type Layer struct {
	records
	plain   bool
	layer   [32]byte
	tree    *toc.Tree
	file    io.ReaderAt
	windows int64 // where they start in file
	repair  func() error
}

// Repair has do called when the file of windows does not hold what was written
// to it, by many at a time. If it returns nil the file is read once more. It is
// set before the layer is used. Without it, and if that does not help, errors
// match [span.ErrDamaged].
func (l *Layer) Repair(do func() error) { l.repair = do }

// IsIndex says whether b begins like a compact index, in either form.
func IsIndex(b []byte) bool { return bytes.HasPrefix(b, []byte(magic)) }

var _ span.Layer = (*Layer)(nil)

// Tree is the file table.
func (l *Layer) Tree() *toc.Tree { return l.tree }

// LayerDigest is of the layer blob; "" if the index does not say.
func (l *Layer) LayerDigest() digest.Digest {
	if l.layer == [32]byte{} {
		return ""
	}
	return digest.NewDigestFromBytes(digest.SHA256, l.layer[:])
}

// UncompressedSize is the tar stream position, in bytes, at which the archive
// ends.
func (l *Layer) UncompressedSize() int64 { return l.uncompressed }

// Len implements [span.Layer].
func (l *Layer) Len() int { return l.len() }

// Span implements [span.Layer].
func (l *Layer) Span(id span.ID) span.Span { return l.span(int(id)) }

// At implements [span.Layer].
func (l *Layer) At(off span.UncompressedOffset) span.ID {
	n := sort.Search(l.len(), func(i int) bool { return l.out(i) > int64(off) })
	return span.ID(max(n-1, 0))
}

// CompressedSize implements [span.Layer].
func (l *Layer) CompressedSize() int64 { return l.compressed }

// DecodeBufferSize implements [span.Layer].
func (l *Layer) DecodeBufferSize(id span.ID) int {
	n := int(l.span(int(id)).UncompressedSize())
	if l.plain {
		return n
	}
	return inflate.BufferSize(n)
}

// Decode implements [span.Layer]. Errors are those of [inflate.Piece.Decode],
// of reading the window, or match [ErrInvalid] if that is damaged.
func (l *Layer) Decode(buf []byte, data span.Verified) ([]byte, error) {
	s := data.Span()
	if s.ID < 0 || int(s.ID) >= l.len() || l.span(int(s.ID)) != s {
		return nil, fmt.Errorf("span %d is of another layer", s.ID)
	}
	if l.plain {
		return append(buf[:0], data.Bytes()[:s.UncompressedSize()]...), nil
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if err := sc.read(l, int(s.ID)); err != nil {
		return nil, fmt.Errorf("window of span %d: %w", s.ID, err)
	}
	p := l.piece(s, data.Bytes(), &sc.window)
	if i := int(s.ID) + 1; i < l.len() {
		p.End = l.bit(i) - 8*int64(s.Start)
	}
	out, err := p.Decode(buf)
	if err != nil {
		return nil, fmt.Errorf("decode span %d: %w", s.ID, err)
	}
	return out, nil
}

// piece is span s, whose bytes are data and whose window is w, without its end.
func (l *Layer) piece(s span.Span, data []byte, w *window) inflate.Piece {
	return inflate.Piece{
		In: inflate.PadInput(data), Start: l.bit(int(s.ID)) - 8*int64(s.Start),
		Window: w.bytes[:], Known: &w.mask, Size: int(s.UncompressedSize()),
	}
}
