// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// golden is where the golden files lie, or the test is skipped.
func golden(t testing.TB) string {
	t.Helper()
	return string(ztoctest.FindGolden(t))
}

// indexes are the canonical indexes of both versions in the golden files.
func indexes(t testing.TB) map[string][]byte {
	t.Helper()
	dir := golden(t)
	found := map[string][]byte{}
	for _, pattern := range []string{"index-v1/*.json", "convert/*/blobs/sha256/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), `"config":{"mediaType":"application/vnd.amazon.soci.index.`) {
				found[p] = b
			}
		}
	}
	return found
}

func TestGoldenRoundTrip(t *testing.T) {
	all := indexes(t)
	if len(all) < 8 {
		t.Fatalf("found %d golden indexes, want at least 8", len(all))
	}
	versions := map[int]int{}
	for p, want := range all {
		ix, err := index.Parse(want)
		if err != nil {
			t.Errorf("parse %s: %v", p, err)
			continue
		}
		versions[ix.Version]++
		got, err := ix.Encode()
		if err != nil {
			t.Errorf("encode %s: %v", p, err)
			continue
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s changed (-want +got):\n%s", p, d)
		}
		for _, li := range ix.Layers {
			if li.SpanSize != 65536 || li.LayerMediaType == "" {
				t.Errorf("%s: layer %s: span size %d, media type %q", p, li.Layer, li.SpanSize, li.LayerMediaType)
			}
		}
	}
	if versions[1] == 0 || versions[2] == 0 {
		t.Errorf("golden indexes by version: %v, want both", versions)
	}
}
