// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"bytes"
	"fmt"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
)

// CheckWindow says whether the bytes that the layer holds of the window of span
// id are those that precede the span: before is the last 32 KiB of these, or
// all if they are fewer. Bytes that the layer does not hold cannot be wrong:
// decoding does not use them. An error says that the window cannot be read.
func (l *Layer) CheckWindow(id span.ID, before []byte) (ok bool, err error) {
	if l.plain {
		return true, nil
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if err := sc.read(l, int(id)); err != nil {
		return false, fmt.Errorf("window of span %d: %w", id, err)
	}
	missing := inflate.WindowSize - len(before)
	for i := range inflate.WindowSize {
		if sc.window.mask.Has(i) && (i < missing || sc.window.bytes[i] != before[i-missing]) {
			return false, nil
		}
	}
	return true, nil
}

// CheckStart says whether decoding the layer leads from its first byte to the
// start of span 0 and gives nothing before that. lead is the blob up to and with
// the first byte of the span. The error is nil.
func (l *Layer) CheckStart(lead []byte) (ok bool, err error) {
	return l.plain || inflate.CheckLead(inflate.PadInput(lead), l.bit(0)) == nil, nil
}

// CheckEnd says whether the stream ends with the output of the last span, whose
// bytes are data. An error says that its window cannot be read.
func (l *Layer) CheckEnd(data []byte) (ok bool, err error) {
	last := l.span(l.len() - 1)
	if l.plain {
		return last.UncompressedSize() == int64(len(data)), nil
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if err := sc.read(l, int(last.ID)); err != nil {
		return false, fmt.Errorf("window of span %d: %w", last.ID, err)
	}
	p := l.piece(last, data, &sc.window)
	p.End = 8 * int64(len(data))
	_, err = p.Decode(nil)
	return err == nil, nil
}

// Matches says whether the layer says of span id what s does: where it starts
// and ends, its digest, and which bytes of its window are known, and what they
// are. An error says that its window cannot be read.
func (l *Layer) Matches(id span.ID, s *SpanSource) (ok bool, err error) {
	got := l.span(int(id))
	if got.Start != s.Start || got.End != s.End || got.OutStart != s.OutStart || got.Digest != s.Digest {
		return false, nil
	}
	if l.plain {
		return true, nil
	}
	mask, err := maskOf(s)
	if err != nil || l.bit(int(id)) != int64(s.Start)*8+int64(8-s.Bits)%8 {
		return false, err
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if err := sc.read(l, int(id)); err != nil {
		return false, fmt.Errorf("window of span %d: %w", id, err)
	}
	known := make([]byte, 0, len(s.Window))
	for i := nextBit(mask, 0, 0); i < inflate.WindowSize; i = nextBit(mask, i+1, 0) {
		known = append(known, sc.window.bytes[i])
	}
	return sc.window.mask == *mask && bytes.Equal(known, s.Window), nil
}
