// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"fmt"
	"testing"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// benchEntries is a layer of 60 000 entries in 4 000 directories.
func benchEntries() []toc.Entry {
	var entries []toc.Entry
	off := int64(512)
	for d := range 4000 {
		dir := fmt.Sprintf("usr/lib/python3/dist-packages/package%02d/module%d", d/100, d)
		entries = append(entries, toc.Entry{Name: dir + "/", Type: toc.Directory, Mode: 0o755, ModTime: day})
		for f := range 14 {
			entries = append(entries, toc.Entry{
				Name: fmt.Sprintf("%s/source_file_%d.py", dir, f), Type: toc.Regular, Mode: 0o644,
				Offset: span.UncompressedOffset(off), Size: 3000, ModTime: day,
			})
			off += 4096
		}
	}
	return entries
}

func BenchmarkNewTree(b *testing.B) {
	entries := benchEntries()
	var tree *toc.Tree
	b.ReportAllocs()
	for b.Loop() {
		tree = mustTree(b, entries...)
	}
	b.ReportMetric(float64(tree.SizeBytes())/float64(len(entries)), "bytes/entry")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(entries)), "ns/entry")
}

func BenchmarkLookup(b *testing.B) {
	tree := mustTree(b, benchEntries()...)
	dir := resolve(b, tree, "usr/lib/python3/dist-packages/package20")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tree.Lookup(dir, "module2042"); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkAttr(b *testing.B) {
	tree := mustTree(b, benchEntries()...)
	id := toc.RootID
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tree.Attr(id); !ok {
			b.Fatal("not found")
		}
		if id++; id > toc.NodeID(tree.Len()) {
			id = toc.RootID
		}
	}
}

func BenchmarkFiles(b *testing.B) {
	tree := mustTree(b, benchEntries()...)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range tree.Files(100<<20, 104<<20) {
			n++
		}
		if n == 0 {
			b.Fatal("no files")
		}
	}
}
