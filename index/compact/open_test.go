// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/ztoc"
)

// bigLayer is the largest layer of the first image in SPRY_IMAGES.
func bigLayer(b *testing.B) *build.Result {
	b.Helper()
	dirs := filepath.SplitList(os.Getenv("SPRY_IMAGES"))
	if len(dirs) == 0 {
		b.Skip("no SPRY_IMAGES")
	}
	var big []byte
	for _, blob := range gzipLayers(b, dirs[0]) {
		if len(blob) > len(big) {
			big = blob
		}
	}
	res, err := build.Layer(b.Context(), bytes.NewReader(big), build.Options{FineSpanSize: build.DefaultFineSpanSize})
	if err != nil {
		b.Fatal(err)
	}
	return res
}

// BenchmarkMountable compares how long it takes from an index as it is fetched
// to a layer that can be mounted, by ztoc and compact index, and after a
// restart.
func BenchmarkMountable(b *testing.B) {
	res := bigLayer(b)
	z, err := res.Ztoc.Encode()
	if err != nil {
		b.Fatal(err)
	}
	c, err := res.Compact()
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "index")
	b.Run("ztoc", func(b *testing.B) {
		for b.Loop() {
			write(b, path, func(f *os.File) error {
				decoded, err := ztoc.Decode(z)
				if err != nil {
					return err
				}
				s, err := compact.FromZtoc(decoded, res.Digest)
				if err != nil {
					return err
				}
				return compact.Map(f, s)
			})
			openFile(b, path)
		}
		b.ReportMetric(float64(len(z)), "B")
	})
	b.Run("compact", func(b *testing.B) {
		for b.Loop() {
			write(b, path, func(f *os.File) error { return compact.Unpack(f, c) })
			openFile(b, path)
		}
		b.ReportMetric(float64(len(c)), "B")
	})
	b.Run("restart", func(b *testing.B) {
		for b.Loop() {
			openFile(b, path)
		}
	})
}

func write(t testing.TB, path string, fill func(*os.File) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// openFile opens a mapped form as the daemon does, and closes it.
func openFile(t testing.TB, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := compact.Inspect(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(tables), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compact.Open(b, f); err != nil {
		t.Fatal(err)
	}
	if err := unix.Munmap(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
