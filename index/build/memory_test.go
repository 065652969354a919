// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// TestMemory builds and verifies layers of growing size: what is allocated in
// total grows with the result only.
func TestMemory(t *testing.T) {
	const size = 1 << 20
	file := archive(t, tar.FormatPAX, []member{{Header: tar.Header{Name: "file"}, data: words(1, size)}})
	file = file[:len(file)-1024] // no end marker
	for _, c := range []ztoc.Compression{ztoc.Gzip, ztoc.Uncompressed} {
		t.Run(c.String(), func(t *testing.T) {
			part := file
			if c == ztoc.Gzip {
				part = compress(t, file, 1, 0)
			}
			cost := func(n int) (total, result uint64) {
				var res *build.Result
				total = allocation(func() {
					var err error
					if res, err = build.Layer(t.Context(), again(part, n), build.Options{Compression: c}); err != nil {
						t.Fatal(err)
					}
					if err := build.Verify(t.Context(), again(part, n), res); err != nil {
						t.Fatal(err)
					}
				})
				return total, uint64(res.Ztoc.EncodedSize())
			}
			var few, many, fewResult, manyResult uint64
			var growth, limit int64
			for range 3 { // with the race detector pools lose at random what is put back
				few, fewResult = cost(12)
				many, manyResult = cost(36)
				growth, limit = int64(many)-int64(few), 4*int64(manyResult-fewResult)+8<<20
				if growth <= limit {
					break
				}
			}
			if growth > limit {
				t.Errorf("24 MiB more allocate %d bytes more, want at most %d", growth, limit)
			}
			if few > 40<<20 {
				t.Errorf("got %d bytes for a layer of 12 MiB", few)
			}
		})
	}
}

// again reads b n times.
func again(b []byte, n int) io.Reader {
	var r []io.Reader
	for range n {
		r = append(r, bytes.NewReader(b))
	}
	return io.MultiReader(r...)
}

// allocation is how many bytes f allocates, in total.
func allocation(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestNoCoroutineLeft counts goroutines, which coroutines are, after builds
// that end early and late.
func TestNoCoroutineLeft(t *testing.T) {
	good := compress(t, archive(t, tar.FormatPAX, textFiles(2, 3000)), 6, 0)
	before := runtime.NumGoroutine()
	for range 20 {
		for _, blob := range [][]byte{good, good[:100], nil, []byte("no gzip"), compress(t, []byte("no tar"), 6, 0)} {
			res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{})
			if err == nil {
				_ = build.Verify(t.Context(), bytes.NewReader(blob[:50]), res)
			}
		}
	}
	// One that was waited for may still have to return.
	after := runtime.NumGoroutine()
	for deadline := time.Now().Add(10 * time.Second); after > before && time.Now().Before(deadline); after = runtime.NumGoroutine() {
		runtime.Gosched()
	}
	if after > before {
		t.Errorf("got %d goroutines, want %d", after, before)
	}
}

func BenchmarkLayer(b *testing.B) {
	var files []member
	for i := range 16 {
		files = append(files, member{tar.Header{Name: "f"}, words(uint64(i), 1<<20)})
	}
	stream := archive(b, tar.FormatPAX, files)
	blob := compress(b, stream, 6, 0)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := build.Layer(b.Context(), bytes.NewReader(blob), build.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
