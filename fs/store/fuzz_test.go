// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

// FuzzOpen opens a store whose own files are damaged. It starts over, or goes
// on with what they say; where it has a span, reading it does not fail in a way
// that nobody expects.
func FuzzOpen(f *testing.F) {
	l := layertest.New(f, 5, 3000, 1<<20)
	dir := f.TempDir()
	s, err := store.Open(dir, l.Tree, l)
	if err != nil {
		f.Fatal(err)
	}
	if err := s.Put(0, l.Out(0)); err != nil {
		f.Fatal(err)
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	spans, err := os.ReadFile(filepath.Join(dir, "spans"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(spans, []byte{})
	f.Add(spans[:len(spans)-1], []byte("sealed"))
	f.Add([]byte{}, spans)
	f.Add(spans, []byte(" proven 9223372036854775808 -1\n"))
	f.Fuzz(func(t *testing.T, spans, sealed []byte) {
		dir := t.TempDir()
		for name, b := range map[string][]byte{"spans": spans, "sealed": sealed} {
			if len(b) == 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if p, plain := store.ReadPlain(dir); plain && (p.Bytes < 0 || p.Inodes < 0 || p.DiffID != "" && p.DiffID.Validate() != nil) {
			t.Errorf("record of a plain layer: %+v", p)
		}
		s, err := store.Open(dir, l.Tree, l)
		if err != nil {
			return
		}
		for id := range span.ID(l.Len()) {
			_ = s.Has(id)
		}
		if n, bytes := s.Missing(); n < 0 || n > l.Len() || bytes < 0 {
			t.Errorf("%d spans of %d bytes are missing", n, bytes)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
