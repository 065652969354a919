// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// sourceOf indexes a blob with spans of that size, with whole windows.
func sourceOf(t testing.TB, blob []byte, spanSize int64, c ztoc.Compression) (compact.Source, *ztoc.Ztoc) {
	t.Helper()
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: spanSize, Compression: c})
	if err != nil {
		t.Fatal(err)
	}
	s, err := compact.FromZtoc(res.Ztoc, res.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return s, res.Ztoc
}

// reduce leaves of the windows of s what the spans of blob refer to.
func reduce(t testing.TB, s compact.Source, blob []byte) compact.Source {
	t.Helper()
	spans := make([]compact.SpanSource, len(s.Spans))
	var buf []byte
	for i, sp := range s.Spans {
		end := s.UncompressedSize
		if i+1 < len(s.Spans) {
			end = int64(s.Spans[i+1].OutStart)
		}
		n := int(max(end-int64(sp.OutStart), 0))
		if need := inflate.BufferSize(n); cap(buf) < need {
			buf = make([]byte, need)
		}
		mask := &inflate.Mask{}
		in := inflate.PadInput(blob[sp.Start:sp.End])
		if _, err := (inflate.Piece{In: in, Start: int64(8-sp.Bits) % 8, Window: sp.Window, Size: n, Used: mask}).Decode(buf); err != nil {
			t.Fatalf("span %d: %v", i, err)
		}
		spans[i] = sp
		spans[i].Mask, spans[i].Window = mask, masked(mask, sp.Window)
	}
	s.Spans = spans
	return s
}

// masked is the bytes of a window that the mask names.
func masked(m *inflate.Mask, window []byte) []byte {
	out := make([]byte, 0, m.Len())
	for i := range window {
		if m.Has(inflate.WindowSize - len(window) + i) {
			out = append(out, window[i])
		}
	}
	return out
}

// decode is the output of a span of blob.
func decode(t testing.TB, l span.Layer, id span.ID, blob []byte) ([]byte, error) {
	t.Helper()
	s := l.Span(id)
	data, err := span.Verify(s, blob[s.Start:s.End])
	if err != nil {
		t.Fatal(err)
	}
	return l.Decode(nil, data)
}

// sample is a gzip layer of text that repeats itself, in blocks of moderate
// size.
func sample(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	tw := tar.NewWriter(zw)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 30 {
		var body bytes.Buffer
		for body.Len() < 20_000 {
			fmt.Fprintf(&body, "line %d of file %d, number %d\n", body.Len(), i, rng.IntN(1000))
		}
		h := &tar.Header{Name: fmt.Sprintf("file%02d", i), Size: int64(body.Len()), Mode: 0o644, Typeflag: tar.TypeReg}
		if err := errors.Join(tw.WriteHeader(h), second(tw.Write(body.Bytes())), tw.Flush(), zw.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func second(_ int, err error) error { return err }
