// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/cmd/spry/internal/ztocfile"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// golden is where the golden files lie, or the test is skipped.
func golden(t testing.TB) string {
	t.Helper()
	return string(ztoctest.FindGolden(t))
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDescribeIsGolden: the JSON is what other tools print, to the byte.
func TestDescribeIsGolden(t *testing.T) {
	infos, err := filepath.Glob(filepath.Join(golden(t), "ztoc", "*.info.json.gz"))
	if err != nil || len(infos) < 100 {
		t.Fatalf("%d golden files, error %v", len(infos), err)
	}
	for _, path := range infos {
		b := gunzip(t, strings.TrimSuffix(path, ".info.json.gz")+".ztoc.gz")
		z, err := ztoc.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var got bytes.Buffer
		e := json.NewEncoder(&got)
		e.SetIndent("", "  ")
		if err := e.Encode(ztocfile.Describe(z, int64(len(b)))); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(gunzip(t, path)), got.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", filepath.Base(path), d)
		}
	}
}

// TestExtractIsGolden reads every file of some layers and compares it with
// what an independent unpacking found.
func TestExtractIsGolden(t *testing.T) {
	dir := golden(t)
	files := 0
	for _, name := range []string{"doc-gnugzip-6.tar.gz", "doc-multimember.tar.gz", "doc-plain.tar", "py-pigz-p2.tar.gz", "special-gnu.tar.gz", "special-pax.tar.gz"} {
		blob, err := os.ReadFile(filepath.Join(dir, "layers", name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := ztoc.Decode(gunzip(t, filepath.Join(dir, "ztoc", name+".64k.ztoc.gz")))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{} // the last entry of a path counts
		for _, f := range readFiles(t, filepath.Join(dir, "files", name+".files.json")) {
			want[filepath.Clean("/"+f.Name)] = f.SHA256
		}
		for path, sum := range want {
			if strings.Contains(filepath.Base(path), ".wh.") {
				continue // whiteouts are no files
			}
			h := sha256.New()
			if err := ztocfile.Extract(t.Context(), z, path, reader(blob), h); err != nil {
				t.Errorf("%s: %s: %v", name, path, err)
				continue
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != sum {
				t.Errorf("%s: %s: got %s, want %s", name, path, got, sum)
			}
			files++
		}
	}
	if files < 300 {
		t.Errorf("only %d files were read", files)
	}
}

type goldenFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func readFiles(t *testing.T, path string) []goldenFile {
	t.Helper()
	var v struct {
		Files []goldenFile `json:"regular_files"`
	}
	b, err := os.ReadFile(path)
	if err = errors.Join(err, json.Unmarshal(b, &v)); err != nil {
		t.Fatal(err)
	}
	return v.Files
}

// reader is a blob in memory.
func reader(b []byte) ztocfile.Blob {
	return func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(bytes.NewReader(b), off, n)), nil
	}
}
