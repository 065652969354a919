// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// goldenLayers are the decompressed layers of the golden files; the test is
// skipped if there are none.
func goldenLayers(t testing.TB) map[string][]byte {
	t.Helper()
	paths := ztoctest.FindGolden(t).Blobs(t)
	layers := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		// The err- layers are those that cannot be indexed at all.
		if name := filepath.Base(p); !strings.HasPrefix(name, "err-") {
			layers[name] = decompress(t, name, b)
		}
	}
	return layers
}

func decompress(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".gz") || len(b) == 0 {
		return b
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func TestGoldenLayers(t *testing.T) {
	for name, tarball := range goldenLayers(t) {
		if strings.HasPrefix(name, "sparse-") {
			continue // their content is not where the entry says
		}
		t.Run(name, func(t *testing.T) {
			dir, unpackErr := unpack(t, tarball)
			tree, err := treeOf(t, tarball)
			if (err == nil) != (unpackErr == nil) {
				t.Fatalf("tree: %v; unpack: %v", err, unpackErr)
			}
			if err != nil {
				t.Logf("refused by both: %v; %v", err, unpackErr)
				return
			}
			compare(t, tree, tarball, dir)
		})
	}
}
