// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// FuzzBuild builds from anything: as a gzip blob, as a plain tar, and, so that
// tar headers are reached behind valid compression, compressed here. What can
// be built agrees with the standard library, survives encoding, and verifies.
func FuzzBuild(f *testing.F) {
	for _, s := range samples(f) {
		if len(s.blob) < 40<<10 {
			f.Add(s.blob, uint16(s.spanSize), uint8(s.compression))
		}
	}
	f.Add(archive(f, tar.FormatPAX, specialFiles()), uint16(100), uint8(3))
	f.Add(archive(f, tar.FormatGNU, gnuFiles()), uint16(1000), uint8(7))
	f.Add([]byte{}, uint16(0), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, spanSize uint16, how uint8) {
		s := sample{compression: ztoc.Gzip, spanSize: int64(spanSize) + 1, blob: b}
		switch how % 4 {
		case 2:
			s.compression = ztoc.Uncompressed
		case 3:
			s.blob = compress(t, b, int(how>>2)%10, int(spanSize)%5000)
		}
		res, err := build.Layer(t.Context(), bytes.NewReader(s.blob), build.Options{
			SpanSize: s.spanSize, FineSpanSize: s.spanSize/3 + 1, Compression: s.compression,
		})
		compareTruth(t, s, res, err)
	})
}

// compareTruth compares the outcome of a build with the standard library.
func compareTruth(t *testing.T, s sample, res *build.Result, buildErr error) {
	t.Helper()
	whole := s.blob
	if s.compression == ztoc.Gzip {
		var err error
		if whole, err = gunzip(s.blob); err != nil {
			if buildErr == nil {
				t.Fatalf("built, but gzip says %v", err)
			}
			return
		}
	}
	want, err := readTruth(whole)
	if err != nil {
		if buildErr == nil {
			t.Fatalf("built, but tar says %v", err)
		}
		return
	}
	if buildErr != nil {
		return // an entry of a type that cannot be in a table
	}
	if res.DiffID != digest.FromBytes(whole) || res.Digest != digest.FromBytes(s.blob) {
		t.Fatal("wrong digests")
	}
	z, err := ztoc.Decode(encode(t, res.Ztoc))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.blob) == 0 {
		return // no spans
	}
	checkFine(t, res, s.blob, whole)
	if err := build.Verify(t.Context(), bytes.NewReader(s.blob), &build.Result{
		Ztoc: z, Digest: res.Digest, Size: res.Size, DiffID: res.DiffID, TarSize: res.TarSize,
	}); err != nil {
		t.Fatal(err)
	}
	if z.CheckLazy() != nil {
		return // sparse
	}
	if d := cmp.Diff(want, table(t, z, s.blob), cmp.AllowUnexported(truth{})); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}
