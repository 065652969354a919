// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"fmt"
	"testing"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// tarOf is the tree of regular files with these names, each with size bytes
// at a multiple of 1000.
func tarOf(t *testing.T, size int64, names ...string) *toc.Tree {
	t.Helper()
	var entries []toc.Entry
	for i, name := range names {
		entries = append(entries, data(name, 1000*int64(i), size))
	}
	return mustTree(t, entries...)
}

func TestAround(t *testing.T) {
	names := []string{"lib/a", "lib/pkg/Meta/x", "lib/pkg/R/y", "lib/pkg/R/z", "lib/pkg/DESCRIPTION", "lib/q", "other"}
	tree := tarOf(t, 100, names...)
	for _, c := range []struct {
		of         string
		limit      int64
		start, end span.UncompressedOffset
	}{
		{"lib/pkg/R/y", 99, 0, 0},
		{"lib/pkg/R/y", 100, 0, 0}, // R itself has 1100
		{"lib/pkg/Meta/x", 100, 1000, 1100},
		{"lib/pkg/R/y", 1100, 2000, 3100},
		{"lib/pkg/R/y", 3099, 2000, 3100},
		{"lib/pkg/R/z", 3100, 1000, 4100},
		{"lib/pkg/DESCRIPTION", 3100, 1000, 4100},
		{"lib/a", 5099, 0, 0},
		{"lib/a", 5100, 0, 5100},
		{"other", 6100, 0, 6100},
		{"other", 6099, 0, 0},
	} {
		id := resolve(t, tree, c.of)
		if start, end := tree.Around(id, c.limit); start != c.start || end != c.end {
			t.Errorf("%s within %d: [%d, %d), want [%d, %d)", c.of, c.limit, start, end, c.start, c.end)
		}
	}
	if start, end := tree.Around(resolve(t, tree, "lib/pkg"), 1<<20); start != end {
		t.Errorf("a directory: [%d, %d)", start, end)
	}
}

// TestAroundScattered: what another directory's files separate stays out.
func TestAroundScattered(t *testing.T) {
	tree := tarOf(t, 10, "p/a", "p/b", "q/c", "p/d")
	if start, end := tree.Around(resolve(t, tree, "p/a"), 2000); start != 0 || end != 1010 {
		t.Errorf("[%d, %d)", start, end)
	}
}

// BenchmarkAround is what a read pays that misses.
func BenchmarkAround(b *testing.B) {
	var entries []toc.Entry
	for i := range int64(3000) {
		entries = append(entries, data(fmt.Sprint("a/b/c/d/e/f/", i), 2048*i, 1<<10))
	}
	tree := mustTree(b, entries...)
	id := resolve(b, tree, "a/b/c/d/e/f/1500")
	for b.Loop() {
		tree.Around(id, 3<<20)
	}
}
