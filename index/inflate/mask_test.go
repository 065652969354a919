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

func TestMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for range 200 {
		var m inflate.Mask
		var want [inflate.WindowSize]bool
		for range rng.IntN(20) {
			i := rng.IntN(inflate.WindowSize)
			end := min(inflate.WindowSize, i+rng.IntN(300))
			m.Add(i, end)
			for j := i; j < end; j++ {
				want[j] = true
			}
		}
		n, all := 0, 0
		for i, w := range want {
			if m.Has(i) != w {
				t.Fatalf("byte %d: %v, want %v", i, m.Has(i), w)
			}
			if w {
				n++
				all++
			} else {
				all = 0
			}
			if back := 1 + i%130; i+1 >= back && m.HasAll(i+1-back, i+1) != (all >= back) {
				t.Fatalf("bytes %d to %d: %v", i+1-back, i+1, all < back)
			}
		}
		if m.Len() != n {
			t.Fatalf("%d bytes, want %d", m.Len(), n)
		}
	}
	var m inflate.Mask
	m.Add(0, inflate.WindowSize)
	if m.Len() != inflate.WindowSize || !m.HasAll(0, inflate.WindowSize) || !m.HasAll(5, 5) {
		t.Error("a full mask is not full")
	}
}

// reduced is what a reader has of a window: noise where it is unknown.
func reduced(rng *rand.Rand, window []byte, m *inflate.Mask) []byte {
	out := make([]byte, inflate.WindowSize)
	for i := range out {
		out[i] = byte(rng.Uint32())
		if j := i - (len(out) - len(window)); j >= 0 && m.Has(i) {
			out[i] = window[j]
		}
	}
	return out
}

// checkMasked traces the n bytes of want from a block, and decodes them with
// the window reduced to what was found, and with less than that.
func checkMasked(t testing.TB, rng *rand.Rand, in inflate.Input, b found, want []byte) {
	t.Helper()
	var used inflate.Mask
	got, err := inflate.DecodeTrace(nil, in, b.BitPos, b.window, len(want), &used)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("trace from bit %d: %v", b.BitPos, err)
	}
	window := reduced(rng, b.window, &used)
	got, err = inflate.DecodeMasked(nil, in, b.BitPos, window, &used, len(want))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("masked from bit %d, %d bytes of window: %v", b.BitPos, used.Len(), err)
	}
	for range 4 {
		i := rng.IntN(inflate.WindowSize)
		if rng.IntN(2) == 0 {
			i = inflate.WindowSize - 1 - rng.IntN(200)
		}
		if i < inflate.WindowSize-len(b.window) {
			continue
		}
		without := used
		without[i/64] &^= 1 << (i % 64)
		_, err = inflate.DecodeMasked(nil, in, b.BitPos, window, &without, len(want))
		if used.Has(i) != errors.Is(err, inflate.ErrCorrupt) {
			t.Fatalf("masked from bit %d without byte %d, used %v: %v", b.BitPos, i, used.Has(i), err)
		}
		other := bytes.Clone(b.window)
		other[i-(inflate.WindowSize-len(other))] ^= 1
		got, err = inflate.DecodeAt(nil, in, b.BitPos, other, len(want))
		if err != nil || bytes.Equal(got, want) == used.Has(i) {
			t.Fatalf("from bit %d with byte %d changed, used %v: %v", b.BitPos, i, used.Has(i), err)
		}
	}
}

// TestMasked checks a few spans of each stream.
func TestMasked(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			rec := &recorder{t: t}
			if _, err := inflate.Walk(bytes.NewReader(s.blob), rec); err != nil {
				t.Fatal(err)
			}
			in := inflate.PadInput(s.blob)
			for i := 0; i < len(rec.blocks); i += 1 + len(rec.blocks)/20 {
				b := rec.blocks[i]
				rest := s.want[b.Out:]
				checkMasked(t, rng, in, b, rest[:rng.IntN(min(len(rest), 100_000)+1)])
				checkMasked(t, rng, in, b, rest[:min(len(rest), rng.IntN(300))])
			}
		})
	}
}

// TestMaskedHistory wants a window that is not known to be as good as none.
func TestMaskedHistory(t *testing.T) {
	match := fixedMatch(4)
	window := bytes.Repeat([]byte("abcd"), inflate.WindowSize/4)
	for name, tt := range map[string]struct {
		from, to int // known bytes, counted from the end of the window
		want     error
	}{
		"all":          {4, 0, nil},
		"what it uses": {4, 1, nil},
		"one less":     {3, 0, inflate.ErrCorrupt},
		"end missing":  {inflate.WindowSize, 2, inflate.ErrCorrupt},
		"nothing":      {0, 0, inflate.ErrCorrupt},
	} {
		var known inflate.Mask
		known.Add(inflate.WindowSize-tt.from, inflate.WindowSize-tt.to)
		for _, raw := range [][]byte{match, append(bytes.Clone(match), make([]byte, 100)...)} {
			got, err := inflate.DecodeMasked(nil, inflate.PadInput(raw), 0, window, &known, 3)
			if !errors.Is(err, tt.want) || err == nil && string(got) != "abc" {
				t.Errorf("%s: %q, %v; want %v", name, got, err, tt.want)
			}
		}
		// Of the last match only what is asked for counts.
		if _, err := inflate.DecodeMasked(nil, inflate.PadInput(match), 0, window, &known, 0); err != nil {
			t.Errorf("%s: nothing decoded: %v", name, err)
		}
	}
}

// FuzzMasked is FuzzResume with windows of which only some bytes are known.
func FuzzMasked(f *testing.F) {
	f.Add([]byte("hello hello hello"), 6, uint16(3), uint64(1))
	f.Add(source().text[:3000], 1, uint16(500), uint64(2))
	f.Add(source().binary[:3000], 9, uint16(100), uint64(3))
	f.Fuzz(func(t *testing.T, p []byte, level int, flush uint16, seed uint64) {
		level = max(-2, min(9, level))
		n := max(int(flush), 1+len(p)/20)
		var blob bytes.Buffer
		w, err := gzip.NewWriterLevel(&blob, level)
		check(err)
		for rest := p; len(rest) > 0; {
			_, err := w.Write(rest[:min(len(rest), n)])
			check(err)
			check(w.Flush())
			rest = rest[min(len(rest), n):]
		}
		check(w.Close())
		rec := &recorder{t: t}
		if _, err := inflate.Walk(bytes.NewReader(blob.Bytes()), rec); err != nil || !bytes.Equal(rec.out, p) {
			t.Fatalf("walk: %v", err)
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		in := inflate.PadInput(blob.Bytes())
		s := stream{"", blob.Bytes(), p}
		for i, b := range rec.blocks {
			rest := p[b.Out:]
			piece, want := pieceOf(s, rec.blocks, i, i+1+rng.IntN(len(rec.blocks)-i))
			if got, err := piece.Decode(nil); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("piece from bit %d to %d: %v", piece.Start, piece.End, err)
			}
			checkMasked(t, rng, in, b, rest)
			checkMasked(t, rng, in, b, rest[:rng.IntN(len(rest)+1)])
		}
	})
}
