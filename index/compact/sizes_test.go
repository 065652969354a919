// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/ztoc"
)

// BenchmarkSizes prints what indexes of real images weigh. SPRY_IMAGES lists
// OCI layouts, separated by colons.
func BenchmarkSizes(b *testing.B) {
	dirs := filepath.SplitList(os.Getenv("SPRY_IMAGES"))
	if len(dirs) == 0 {
		b.Skip("no SPRY_IMAGES")
	}
	for _, dir := range dirs {
		b.Run(filepath.Base(dir), func(b *testing.B) {
			var peer, raw int64
			sizes := map[int64]int64{1 << 20: 0, 768 << 10: 0, 512 << 10: 0}
			for _, blob := range gzipLayers(b, dir) {
				raw += int64(len(blob))
				for size := range sizes {
					res, err := build.Layer(b.Context(), bytes.NewReader(blob), build.Options{FineSpanSize: size})
					if err != nil {
						b.Fatal(err)
					}
					sizes[size] += measure(b, res)
					if size == 1<<20 {
						peer += encodedSize(b, res.Ztoc)
					}
				}
			}
			b.ReportMetric(float64(raw), "blobs-B")
			b.ReportMetric(float64(peer), "ztocs-B")
			b.ReportMetric(float64(sizes[1<<20]), "compact-1Mi-B")
			b.ReportMetric(float64(sizes[768<<10]), "compact-768Ki-B")
			b.ReportMetric(float64(sizes[512<<10]), "compact-512Ki-B")
			b.ReportMetric(float64(peer)/float64(sizes[1<<20]), "ratio-1Mi")
			b.ReportMetric(float64(peer)/float64(sizes[768<<10]), "ratio-768Ki")
			b.ReportMetric(float64(peer)/float64(sizes[512<<10]), "ratio-512Ki")
		})
	}
}

func encodedSize(t testing.TB, z *ztoc.Ztoc) int64 {
	t.Helper()
	b, err := z.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(b))
}

// measure encodes the compact form and prints its parts.
func measure(t testing.TB, res *build.Result) int64 {
	t.Helper()
	start := time.Now()
	b, err := res.Compact()
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	start = time.Now()
	l, err := compact.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	decoded := time.Since(start)
	windows := 0
	for _, sp := range res.Spans {
		windows += len(sp.Window)
	}
	t.Logf("blob %d: %d spans, %d nodes: %d bytes, parts %v, windows %d; encoded in %v, decoded in %v",
		res.Size, l.Len(), l.Tree().Len(), len(b), compact.PartSizes(b), windows, took, decoded)
	return int64(len(b))
}

// gzipLayers are the layers of an image in an OCI layout.
func gzipLayers(t testing.TB, dir string) [][]byte {
	t.Helper()
	var ix ocispec.Index
	readJSON(t, filepath.Join(dir, "index.json"), &ix)
	var blobs [][]byte
	for _, desc := range ix.Manifests {
		var m ocispec.Manifest
		readJSON(t, filepath.Join(dir, "blobs", "sha256", desc.Digest.Encoded()), &m)
		for _, l := range m.Layers {
			b, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", l.Digest.Encoded()))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(l.MediaType, "gzip") && bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
				blobs = append(blobs, b)
			}
		}
	}
	return blobs
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
