// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

var update = flag.Bool("update", false, "rewrite testdata")

// windows compares windows; one of zeros may be nil.
var windows = cmp.Comparer(func(a, b []byte) bool {
	zeros := make([]byte, ztoc.WindowSize)
	if a == nil {
		a = zeros
	}
	if b == nil {
		b = zeros
	}
	return bytes.Equal(a, b)
})

func index(tb testing.TB, s sample) *build.Result {
	tb.Helper()
	o := build.Options{SpanSize: s.spanSize, Compression: s.compression}
	res, err := build.Layer(tb.Context(), bytes.NewReader(s.blob), o)
	if err != nil {
		tb.Fatal(err)
	}
	return res
}

func encode(tb testing.TB, z *ztoc.Ztoc) []byte {
	tb.Helper()
	b, err := z.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestTruth compares tables and file contents, read through spans, with what
// the standard library finds in the whole stream.
func TestTruth(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			res := index(t, s)
			whole := stream(t, s.blob, s.compression)
			want, err := readTruth(whole)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, table(t, res.Ztoc, s.blob), cmp.AllowUnexported(truth{})); d != "" {
				t.Errorf("table (-want +got):\n%s", d)
			}
			if res.Digest != digest.FromBytes(s.blob) || res.Size != int64(len(s.blob)) {
				t.Errorf("got blob %s of %d bytes", res.Digest, res.Size)
			}
			if res.DiffID != digest.FromBytes(whole) || res.TarSize != int64(len(whole)) {
				t.Errorf("got DiffID %s of %d bytes", res.DiffID, res.TarSize)
			}
			if err := res.Ztoc.CheckLazy(); err != nil {
				t.Error(err)
			}
			if err := build.Verify(t.Context(), bytes.NewReader(s.blob), res); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSameInAnyPieces builds from readers that give bytes in other ways.
func TestSameInAnyPieces(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			want := index(t, s)
			readers := map[string]io.Reader{
				"halves":     iotest.HalfReader(bytes.NewReader(s.blob)),
				"one byte":   iotest.OneByteReader(bytes.NewReader(s.blob)),
				"early EOF":  iotest.DataErrReader(bytes.NewReader(s.blob)),
				"no WriteTo": io.MultiReader(bytes.NewReader(s.blob[:7]), bytes.NewReader(s.blob[7:])),
			}
			for name, r := range readers {
				got, err := build.Layer(t.Context(), r, build.Options{SpanSize: s.spanSize, Compression: s.compression})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if d := cmp.Diff(want, got, windows); d != "" {
					t.Errorf("%s (-want +got):\n%s", name, d)
				}
			}
		})
	}
}

// TestDecodedAgain decodes what was built.
func TestDecodedAgain(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			res := index(t, s)
			z, err := ztoc.Decode(encode(t, res.Ztoc))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(res.Ztoc, z, windows, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("ztoc (-built +decoded):\n%s", d)
			}
		})
	}
}

// inTestdata are the samples whose blob and ztoc are kept, so that neither
// another compressor in the standard library nor a change here goes unnoticed.
var inTestdata = map[string]bool{
	"gzip-1": true, "flush-first": true, "members": true, "header-fields": true, "padding": true, "plain": true,
}

func TestTestdata(t *testing.T) {
	for _, s := range samples(t) {
		if !inTestdata[s.name] {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			layer := filepath.Join("testdata", s.name+".layer")
			golden := filepath.Join("testdata", s.name+".ztoc.gz")
			if *update {
				write(t, layer, s.blob)
				write(t, golden, compress(t, encode(t, index(t, s).Ztoc), gzip.BestCompression, 0))
			}
			s.blob = read(t, layer)
			got, want := encode(t, index(t, s).Ztoc), ztoctest.Gunzip(t, read(t, golden))
			if !bytes.Equal(got, want) {
				t.Errorf("ztoc of %d bytes differs from the %d of %s (-update rewrites it)", len(got), len(want), golden)
			}
		})
	}
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func write(tb testing.TB, name string, b []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		tb.Fatal(err)
	}
}
