// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle_test

import (
	"archive/tar"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/bench/oracle"
	"github.com/spryd/spry/integration/testbed"
)

const (
	small = 64 << 10
	large = 4 << 20
)

// testLayer is a layer of incompressible files a (64 KiB) and d/b (4 MiB).
func testLayer(t *testing.T) (dir string, l *oracle.Layer) {
	t.Helper()
	a, b := make([]byte, small), make([]byte, large)
	_, _ = rand.Read(a)
	_, _ = rand.Read(b)
	blob, err := testbed.NewLayer(t.TempDir(), func(tw *tar.Writer) error {
		return testbed.Write(tw,
			testbed.File{Header: tar.Header{Name: "a"}, Content: a},
			testbed.File{Header: tar.Header{Name: "d/b"}, Content: b},
			testbed.File{Header: tar.Header{Name: "gone"}, Content: a})
	})
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"a": a, "d/b": b} {
		uncached(t, filepath.Join(dir, name), content)
	}
	if l, err = oracle.IndexLayer(t.Context(), blob); err != nil {
		t.Fatal(err)
	}
	return dir, l
}

// uncached writes a file that is on disk only.
func uncached(t *testing.T, file string, content []byte) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

func TestTouched(t *testing.T) {
	dir, l := testLayer(t)
	touched := func() int64 {
		n, err := l.Touched(dir)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := touched(); n != 0 {
		t.Errorf("nothing was read, %d bytes are touched", n)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if n := touched(); n < small || n > small+2*oracle.SpanSize {
		t.Errorf("a file of %d bytes was read, %d bytes are touched", small, n)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "d/b")); err != nil {
		t.Fatal(err)
	}
	if n := touched(); n < small+large || n > small+large+2*oracle.SpanSize {
		t.Errorf("%d bytes were read, %d bytes are touched", small+large, n)
	}
}

func TestLargest(t *testing.T) {
	_, l := testLayer(t)
	path, size, compressed := l.Largest()
	if path != "d/b" || size != large {
		t.Errorf("the largest file is %q with %d bytes", path, size)
	}
	if compressed < large || compressed > large+2*oracle.SpanSize {
		t.Errorf("it takes %d compressed bytes", compressed)
	}
}

func TestIndexLayerErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(file, []byte("this is no gzip file"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "-missing"} {
		if _, err := oracle.IndexLayer(t.Context(), testbed.Layer{Path: path}); err == nil {
			t.Errorf("%s was indexed", path)
		}
	}
}
