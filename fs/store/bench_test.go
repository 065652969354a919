// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"testing"

	"github.com/spryd/spry/fs/layer/layertest"
)

// BenchmarkPut writes a layer of 2000 files of 16 KiB on average, whole, and
// finishes it.
func BenchmarkPut(b *testing.B) {
	l := layertest.New(b, 2000, 32<<10, 1<<20)
	b.SetBytes(int64(len(l.Stream)))
	for b.Loop() {
		s := open(b, b.TempDir(), l)
		putAll(b, s, l)
		if err := s.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAt reads 4 KiB of a file that is open.
func BenchmarkReadAt(b *testing.B) {
	l := layertest.New(b, 10, 32<<10, 1<<20)
	s := open(b, b.TempDir(), l)
	putAll(b, s, l)
	for path, body := range l.Files {
		if len(body) < 8192 {
			continue
		}
		id, p := l.Node(b, path), make([]byte, 4096)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.ReadAt(id, p, 4096); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
}
