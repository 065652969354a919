// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// checkSame compares a layer with what the ztoc of the same spans says of it.
func checkSame(t testing.TB, l *compact.Layer, z *ztoc.Ztoc, blob []byte) {
	t.Helper()
	want, err := z.Layer()
	if err != nil {
		t.Fatal(err)
	}
	if l.Len() != want.Len() || l.CompressedSize() != want.CompressedSize() || l.UncompressedSize() != z.UncompressedSize {
		t.Fatalf("%d spans, %d bytes of blob, %d of archive; want %d, %d, %d",
			l.Len(), l.CompressedSize(), l.UncompressedSize(), want.Len(), want.CompressedSize(), z.UncompressedSize)
	}
	for id := range span.ID(want.Len()) {
		s := want.Span(id)
		if d := cmp.Diff(s, l.Span(id)); d != "" {
			t.Fatalf("span %d (-want +got):\n%s", id, d)
		}
		for _, off := range []span.UncompressedOffset{s.OutStart, s.OutEnd - 1, s.OutEnd} {
			if got, want := l.At(off), want.At(off); got != want {
				t.Errorf("span at %d is %d, want %d", off, got, want)
			}
		}
		if got, want := l.DecodeBufferSize(id), want.DecodeBufferSize(id); got != want {
			t.Errorf("buffer of span %d has %d bytes, want %d", id, got, want)
		}
		checkContent(t, l, want, id, blob)
	}
	// Windows of a group are found from the last one read.
	for n := want.Len(); n > 0; n /= 3 {
		for _, i := range []int{n - 1, 0, n / 2, n / 2, n / 3} {
			checkContent(t, l, want, span.ID(i), blob)
		}
	}
}

func checkContent(t testing.TB, l *compact.Layer, z span.Layer, id span.ID, blob []byte) {
	t.Helper()
	a, err := decode(t, z, id, blob)
	if err != nil {
		t.Fatalf("ztoc: span %d: %v", id, err)
	}
	b, err := decode(t, l, id, blob)
	if err != nil {
		t.Fatalf("compact: span %d: %v", id, err)
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("span %d has other content", id)
	}
}

// checkForms takes a source through both forms.
func checkForms(t testing.TB, full compact.Source, z *ztoc.Ztoc, blob []byte) {
	t.Helper()
	small := full
	if !full.Plain {
		small = reduce(t, full, blob)
	}
	for name, open := range map[string]func() *compact.Layer{
		"map":    func() *compact.Layer { return mapSource(t, full) },
		"encode": func() *compact.Layer { return roundTrip(t, small) },
		"whole":  func() *compact.Layer { return roundTrip(t, full) },
	} {
		l := open()
		if d := cmp.Diff(full.Tree.Tables(), l.Tree().Tables(), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s: tree differs (-want +got):\n%.1000s", name, d)
		}
		if l.LayerDigest() != full.LayerDigest {
			t.Errorf("%s: layer %s, want %s", name, l.LayerDigest(), full.LayerDigest)
		}
		checkSame(t, l, z, blob)
	}
}

func roundTrip(t testing.TB, s compact.Source) *compact.Layer {
	t.Helper()
	b, err := compact.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := compact.Encode(s)
	if err != nil || !bytes.Equal(b, again) {
		t.Fatalf("encoding again gives other bytes, error %v", err)
	}
	l, err := compact.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// mapSource opens the mapped form of s from a file, as a host does.
func mapSource(t testing.TB, s compact.Source) *compact.Layer {
	t.Helper()
	var b bytes.Buffer
	if err := compact.Map(&b, s); err != nil {
		t.Fatal(err)
	}
	tables, err := compact.Inspect(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	l, err := compact.Open(bytes.Clone(b.Bytes()[:tables]), bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestGoldenLayers compares all golden layers that can be lazy.
func TestGoldenLayers(t *testing.T) {
	paths := ztoctest.FindGolden(t).Blobs(t)
	compared := 0
	for _, p := range paths {
		blob, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		o := build.Options{SpanSize: 64 << 10, Compression: ztoc.Gzip}
		if !strings.HasSuffix(p, ".gz") {
			o.Compression = ztoc.Uncompressed
		}
		res, err := build.Layer(t.Context(), bytes.NewReader(blob), o)
		if err != nil {
			continue
		}
		s, err := compact.FromZtoc(res.Ztoc, digest.FromBytes(blob))
		if err != nil {
			continue
		}
		compared++
		t.Run(filepath.Base(p), func(t *testing.T) { checkForms(t, s, res.Ztoc, blob) })
	}
	if compared < 10 {
		t.Errorf("compared %d layers only", compared)
	}
}
