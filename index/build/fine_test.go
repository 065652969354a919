// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// TestFine builds both forms: the ztoc is the one without compact form, and
// the fine spans decode with the bytes of their windows alone.
func TestFine(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			want := index(t, s)
			for _, fine := range []int64{1, 3000, 10 << 10, 1 << 20} {
				o := build.Options{SpanSize: s.spanSize, Compression: s.compression, FineSpanSize: fine}
				got, err := build.Layer(t.Context(), bytes.NewReader(s.blob), o)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(encode(t, got.Ztoc), encode(t, want.Ztoc)) || got.DiffID != want.DiffID || got.Digest != want.Digest {
					t.Fatalf("fine spans of %d: another ztoc", fine)
				}
				whole := stream(t, s.blob, s.compression)
				checkFine(t, got, s.blob, whole)
				checkCompact(t, got, s.blob, whole)
			}
		})
	}
}

// checkFine checks the fine spans of res.
func checkFine(t *testing.T, res *build.Result, blob, tarStream []byte) {
	t.Helper()
	z := res.Ztoc
	begins := map[span.UncompressedOffset]bool{}
	for i, s := range res.Spans {
		end := span.UncompressedOffset(z.UncompressedSize)
		if i+1 < len(res.Spans) {
			next := res.Spans[i+1]
			shared := span.CompressedOffset(0)
			if next.Bits != 0 {
				shared = 1
			}
			if end = next.OutStart; s.End != next.Start+shared {
				t.Errorf("span %d ends at %d, the next starts at %d, bits %d", i, s.End, next.Start, next.Bits)
			}
		} else if s.End != span.CompressedOffset(len(blob)) {
			t.Errorf("last span ends at %d of %d", s.End, len(blob))
		}
		begins[s.OutStart] = true
		data := blob[s.Start:s.End]
		if s.Digest != sha256.Sum256(data) {
			t.Errorf("span %d: digest", i)
		}
		out := data
		if z.Compression == ztoc.Gzip {
			out = decodeFine(t, s, data, int(end-s.OutStart))
		}
		if !bytes.Equal(out[:end-s.OutStart], tarStream[s.OutStart:end]) {
			t.Fatalf("span %d: output differs", i)
		}
	}
	for i, c := range z.Checkpoints {
		if c.Out < span.UncompressedOffset(z.UncompressedSize) && !begins[c.Out] {
			t.Errorf("span %d of the ztoc starts at %d, where no fine one does", i, c.Out)
		}
	}
}

// checkCompact reads the whole archive by the encoded compact form.
func checkCompact(t *testing.T, res *build.Result, blob, tarStream []byte) {
	t.Helper()
	b, err := res.Compact()
	if errors.Is(err, toc.ErrTree) {
		return // it has a file capability that is none
	}
	if err != nil {
		t.Fatal(err)
	}
	layer, err := compact.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if layer.LayerDigest() != res.Digest || layer.Len() != len(res.Spans) {
		t.Errorf("compact form is of layer %s with %d spans, want %s with %d", layer.LayerDigest(), layer.Len(), res.Digest, len(res.Spans))
	}
	var got []byte
	for i := range layer.Len() {
		s := layer.Span(span.ID(i))
		data, err := span.Verify(s, blob[s.Start:s.End])
		if err != nil {
			t.Fatal(err)
		}
		out, err := layer.Decode(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out...)
	}
	if !bytes.Equal(got, tarStream[:res.Ztoc.UncompressedSize]) {
		t.Error("compact form reads another archive")
	}
}

// decodeFine decodes a span with what is known of its window.
func decodeFine(t *testing.T, s compact.SpanSource, data []byte, n int) []byte {
	t.Helper()
	window := make([]byte, inflate.WindowSize)
	known := s.Mask
	if known == nil {
		known = new(inflate.Mask)
	}
	left := s.Window
	for i := range window {
		if window[i] = 0xAA; known.Has(i) {
			window[i], left = left[0], left[1:]
		}
	}
	if len(left) != 0 {
		t.Errorf("%d bytes of window more than in the mask", len(left))
	}
	out, err := inflate.Piece{In: inflate.PadInput(data), Start: int64(8-s.Bits) % 8, Window: window, Known: known, Size: n}.Decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFineOptions compares span sizes that are none.
func TestFineOptions(t *testing.T) {
	for _, size := range []int64{-1, ztoc.MaxSpanSize + 1} {
		if _, err := build.Layer(t.Context(), bytes.NewReader(nil), build.Options{FineSpanSize: size}); err == nil {
			t.Errorf("fine span size %d accepted", size)
		}
	}
	res := index(t, one(t, "gzip-6"))
	if b, err := res.Compact(); err == nil {
		t.Errorf("got %d bytes of compact form that nobody asked for", len(b))
	}
}

// TestFineSame wants the same spans from any reader.
func TestFineSame(t *testing.T) {
	s := one(t, "flushes")
	var want *build.Result
	for range 3 {
		rng := rand.New(rand.NewPCG(1, 1))
		o := build.Options{SpanSize: s.spanSize, FineSpanSize: 2000}
		got, err := build.Layer(t.Context(), &slow{bytes.NewReader(s.blob), rng}, o)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if d := cmp.Diff(want, got, windows); d != "" {
			t.Errorf("(-first +again):\n%s", d)
		}
	}
}

// slow reads few bytes at a time.
type slow struct {
	r   *bytes.Reader
	rng *rand.Rand
}

func (s *slow) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 1+s.rng.IntN(99))]) }
