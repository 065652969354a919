// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"fmt"
	"testing"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

// BenchmarkReadAt/warm reads what is stored; cold fetches everything first,
// from memory, and writes it.
func BenchmarkReadAt(b *testing.B) {
	l := layertest.New(b, 8, 8<<20, 1<<20)
	node := l.Node(b, "d1/e1/file0007")
	for _, size := range []int{4 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("warm/%dK", size>>10), func(b *testing.B) {
			r := benchReader(b, l)
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := range b.N {
				if err := r.ReadAt(b.Context(), node, p, int64(i*size%(8<<20-size))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("cold", func(b *testing.B) {
		b.SetBytes(int64(len(l.Stream)))
		b.ReportAllocs()
		for range b.N {
			benchReader(b, l)
		}
	})
}

// benchReader is a reader that has fetched everything.
func benchReader(b *testing.B, l *layertest.Layer) *read.Reader {
	b.Helper()
	s, err := store.Open(b.TempDir(), l.Tree, l)
	if err != nil {
		b.Fatal(err)
	}
	r := read.New(read.Options{Layer: l, Tree: l.Tree, Store: s, Blob: layertest.NewBlob(l), Scheduler: fetch.New(fetch.Options{})})
	b.Cleanup(func() {
		_ = r.Close()
		_ = s.Close()
	})
	if err := r.Fetch(b.Context(), fetch.Prefetch, 0, span.ID(l.Len()-1)); err != nil {
		b.Fatal(err)
	}
	return r
}
