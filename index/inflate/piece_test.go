// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/spryd/spry/index/inflate"
)

// pieceOf is the piece of s from one block to another, or to the end.
func pieceOf(s stream, blocks []found, i, j int) (inflate.Piece, []byte) {
	from := blocks[i]
	p := inflate.Piece{In: inflate.PadInput(s.blob), Start: from.BitPos, Window: from.window, End: 8 * int64(len(s.blob))}
	end := int64(len(s.want))
	if j < len(blocks) {
		p.End, end = blocks[j].BitPos, blocks[j].Out
	}
	p.Size = int(end - from.Out)
	return p, s.want[from.Out:end]
}

// TestPieceEnd decodes from block to block: pieces end where blocks start that
// nothing but more output leads past, and nowhere else.
func TestPieceEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			rec := &recorder{t: t}
			if _, err := inflate.Walk(bytes.NewReader(s.blob), rec); err != nil {
				t.Fatal(err)
			}
			starts := map[int64]bool{8 * int64(len(s.blob)): true}
			for _, b := range rec.blocks {
				starts[b.BitPos] = true
			}
			for range 30 {
				i := rng.IntN(len(rec.blocks))
				j := i + 1 + rng.IntN(min(8, len(rec.blocks)-i))
				p, want := pieceOf(s, rec.blocks, i, j)
				got, err := p.Decode(nil)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("block %d to %d: %v", i, j, err)
				}
				right := p.End
				for _, off := range []int64{-64, -9, -8, -1, 1, 8, 9, 64, 1 + rng.Int64N(3000)} {
					if p.End = right + off; p.End <= 0 || starts[p.End] {
						continue
					}
					if _, err := p.Decode(nil); err == nil {
						t.Fatalf("block %d to %d: ends %d bits from it as well", i, j, off)
					}
				}
				if p.End, p.Size = right, p.Size-1; p.Size >= 0 {
					if _, err := p.Decode(nil); !errors.Is(err, inflate.ErrEnd) {
						t.Fatalf("block %d to %d less a byte: %v", i, j, err)
					}
				}
			}
		})
	}
}

// TestPieceTail looks at what may follow the last member.
func TestPieceTail(t *testing.T) {
	text := source().text[:5000]
	blob := gzipped(text, 6, gzip.Header{})
	start := int64(headerLength(blob)) * 8
	for name, tt := range map[string]struct {
		tail []byte
		n    int
		want error
	}{
		"nothing":        {nil, len(text), nil},
		"zeros":          {make([]byte, 600), len(text), nil},
		"garbage":        {[]byte{0, 0, 1}, len(text), inflate.ErrEnd},
		"empty member":   {gzipped(nil, 6, gzip.Header{}), len(text), nil},
		"another member": {gzipped([]byte("x"), 6, gzip.Header{}), len(text), inflate.ErrEnd},
		"less":           {nil, len(text) - 1, inflate.ErrEnd},
	} {
		in := append(bytes.Clone(blob), tt.tail...)
		p := inflate.Piece{In: inflate.PadInput(in), Start: start, Size: tt.n, End: 8 * int64(len(in))}
		if _, err := p.Decode(nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	p := inflate.Piece{In: inflate.PadInput(blob[:len(blob)-1]), Start: start, Size: len(text), End: 8 * int64(len(blob)-1)}
	if _, err := p.Decode(nil); !errors.Is(err, inflate.ErrEnd) {
		t.Errorf("trailer cut: %v", err)
	}
}

// TestCheckLead leads to the blocks at uncompressed offset 0 and to no others.
func TestCheckLead(t *testing.T) {
	for _, s := range streams() {
		rec := &recorder{t: t}
		if _, err := inflate.Walk(bytes.NewReader(s.blob), rec); err != nil {
			t.Fatal(err)
		}
		for i, b := range rec.blocks[:min(20, len(rec.blocks))] {
			err := inflate.CheckLead(inflate.PadInput(s.blob[:b.BitPos/8+1]), b.BitPos)
			if (err == nil) != (b.Out == 0) {
				t.Errorf("%s: block %d at %d: %v", s.name, i, b.Out, err)
			}
		}
		for _, bit := range []int64{0, 1, 79, 81, 1 << 40} {
			if err := inflate.CheckLead(inflate.PadInput(s.blob), bit); err == nil && bit != rec.blocks[0].BitPos {
				t.Errorf("%s: leads to bit %d", s.name, bit)
			}
		}
	}
	for _, in := range [][]byte{nil, {0x1f}, []byte("no gzip header")} {
		if err := inflate.CheckLead(inflate.PadInput(in), 80); !errors.Is(err, inflate.ErrCorrupt) {
			t.Errorf("%q: %v", in, err)
		}
	}
}
