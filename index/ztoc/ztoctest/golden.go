// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package ztoctest gives tests the golden files: layers, and what the
// reference implementation made of them. They are not part of the repository;
// tests that want them are skipped where they are absent.
package ztoctest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenEnv names the directory of the golden files. Without it, it is
// shared/formats/golden beside the repository.
const goldenEnv = "SPRY_GOLDEN"

// Golden is a directory of golden files.
type Golden string

// FindGolden returns the golden files or skips the test.
func FindGolden(tb testing.TB) Golden {
	tb.Helper()
	dir := os.Getenv(goldenEnv)
	if dir == "" {
		dir = filepath.Join(repository(tb), "..", "shared", "formats", "golden")
	}
	if _, err := os.Stat(filepath.Join(dir, "ztoc", "INDEX.json")); err != nil {
		tb.Skipf("no golden files: looked for ztoc/INDEX.json in %s (set %s to look elsewhere)", dir, goldenEnv)
	}
	return Golden(dir)
}

// Blobs are the paths of all layer blobs, compressed or not; there is at least
// one.
func (g Golden) Blobs(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(string(g), "layers", "*.tar*"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(paths) == 0 {
		tb.Fatalf("no layers below %s", g)
	}
	return paths
}

// repository is the directory with go.mod above the test.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			tb.Fatalf("no go.mod above %s", dir)
		}
	}
}

// Case is what the reference implementation made of one layer with one span
// size: a ztoc, or an error.
type Case struct {
	Layer      string
	SpanSize   int64
	ZtocDigest string
	ZtocSize   int64
	BuildError string
	// UnmarshalError and SpanManagerError are of its own readers.
	UnmarshalError, SpanManagerError string
	File                             string
}

// Name is a name for a subtest.
func (c Case) Name() string { return strings.TrimSuffix(filepath.Base(c.File), ".ztoc.gz") }

// Cases are all cases; those with a BuildError have no ztoc.
func (g Golden) Cases(tb testing.TB) []Case {
	tb.Helper()
	var cases []Case
	g.json(tb, "ztoc/INDEX.json", &cases)
	return cases
}

// Spans is the view of one ztoc that the reference implementation has.
type Spans struct {
	CompressedArchiveSize, UncompressedArchiveSize int64
	CompressionAlgorithm                           string
	MaxSpanID                                      int32
	Spans                                          []Span
}

// Span is a span in [Spans].
type Span struct {
	ID              int32
	CompressedStart int64 `json:"comp_start"`
	CompressedEnd   int64 `json:"comp_end"`
	OutStart        int64 `json:"uncomp_start"`
	OutEnd          int64 `json:"uncomp_end"`
	Digest          string
}

// Spans are the spans of c.
func (g Golden) Spans(tb testing.TB, c Case) (s Spans) {
	tb.Helper()
	g.json(tb, "ztoc/"+c.Name()+".spans.json", &s)
	return s
}

// Files is what another tar implementation found in a layer.
type Files struct {
	DiffID          string `json:"diff_id"`
	UncompressedLen int64  `json:"uncompressed_len"`
	RegularFiles    []File `json:"regular_files"`
}

// File is a regular file in [Files].
type File struct {
	Name   string
	Offset int64
	Size   int64
	SHA256 string
}

// Files are the files of a layer.
func (g Golden) Files(tb testing.TB, layer string) (f Files) {
	tb.Helper()
	g.json(tb, "files/"+layer+".files.json", &f)
	return f
}

// Layer is a layer blob.
func (g Golden) Layer(tb testing.TB, name string) []byte {
	tb.Helper()
	return g.read(tb, "layers/"+name)
}

// Ztoc is the ztoc of c.
func (g Golden) Ztoc(tb testing.TB, c Case) []byte {
	tb.Helper()
	return Gunzip(tb, g.read(tb, c.File))
}

// ZtocsV1 are the ztocs with a version 1 checkpoint blob by layer name and
// span size, as "layer.64k".
func (g Golden) ZtocsV1(tb testing.TB) map[string][]byte {
	tb.Helper()
	const suffix = ".v1.ztoc.gz"
	paths, err := filepath.Glob(filepath.Join(string(g), "ztoc-v1", "*"+suffix))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no ztocs of version 1 in %s: %v", g, err)
	}
	all := map[string][]byte{}
	for _, p := range paths {
		name := filepath.Base(p)
		all[strings.TrimSuffix(name, suffix)] = Gunzip(tb, g.read(tb, "ztoc-v1/"+name))
	}
	return all
}

// Gunzip is what b decompresses to.
func Gunzip(tb testing.TB, b []byte) []byte {
	tb.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func (g Golden) read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(string(g), filepath.FromSlash(name)))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (g Golden) json(tb testing.TB, name string, v any) {
	tb.Helper()
	if err := json.Unmarshal(g.read(tb, name), v); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
}
