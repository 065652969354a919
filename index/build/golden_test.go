// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// goldenZtocs is how many ztocs the golden files hold.
const goldenZtocs = 115

// compression is that of a golden layer, which its name tells.
func compression(name string) ztoc.Compression {
	if strings.HasSuffix(name, ".tar") {
		return ztoc.Uncompressed
	}
	return ztoc.Gzip
}

func TestGoldenLayers(t *testing.T) {
	g := ztoctest.FindGolden(t)
	matched := 0
	for _, c := range g.Cases(t) {
		if c.File == "" {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			blob := g.Layer(t, c.Layer)
			o := build.Options{SpanSize: c.SpanSize, Compression: compression(c.Layer)}
			res, err := build.Layer(t.Context(), bytes.NewReader(blob), o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := res.Ztoc.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, g.Ztoc(t, c)) {
				t.Fatal("ztoc differs from the golden one")
			}
			matched++
			files := g.Files(t, c.Layer)
			if want := "sha256:" + files.DiffID; res.DiffID.String() != want || res.TarSize != files.UncompressedLen {
				t.Errorf("got DiffID %s of %d bytes, want %s of %d", res.DiffID, res.TarSize, want, files.UncompressedLen)
			}
			if err := build.Verify(t.Context(), iotest.HalfReader(bytes.NewReader(blob)), res); err != nil {
				t.Errorf("verify: %v", err)
			}
		})
	}
	if matched != goldenZtocs {
		t.Errorf("got %d golden ztocs, want %d", matched, goldenZtocs)
	}
}

func TestGoldenSkipped(t *testing.T) {
	reasons := map[string]string{
		"err-contiguous.tar.gz":   "contiguous file",
		"err-globalpax.tar.gz":    "global PAX header",
		"err-sparse-gnu.tar.gz":   "sparse file in old GNU format",
		"err-trailgarbage.tar.gz": "data after the last gzip member",
		"err-trailzeros.tar.gz":   "data after the last gzip member",
		"err-zlibwrapped.tar.gz":  "zlib",
	}
	g := ztoctest.FindGolden(t)
	seen := 0
	for _, c := range g.Cases(t) {
		if c.BuildError == "" {
			continue
		}
		seen++
		t.Run(c.Layer, func(t *testing.T) {
			_, err := build.Layer(t.Context(), bytes.NewReader(g.Layer(t, c.Layer)), build.Options{Compression: compression(c.Layer)})
			var skip *build.SkipError
			if !errors.As(err, &skip) || !errors.Is(err, build.ErrSkip) {
				t.Fatalf("got %v, want a SkipError", err)
			}
			if want := reasons[c.Layer]; want == "" || !strings.Contains(skip.Reason, want) {
				t.Errorf("got reason %q, want %q", skip.Reason, want)
			}
		})
	}
	if seen != len(reasons) {
		t.Errorf("got %d layers that cannot be indexed, want %d", seen, len(reasons))
	}
}
