// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// TestBacking puts span after span, and wants of each file nothing before its
// last span, and then all of it.
func TestBacking(t *testing.T) {
	l := layertest.New(t, 40, 9000, 2000)
	s := open(t, t.TempDir(), l)
	for put := range span.ID(l.Len() + 1) {
		for id := range l.Tree.Files(0, l.Tree.DataEnd()) {
			off, size := l.Tree.Data(id)
			complete := size > 0 && l.At(off+span.UncompressedOffset(size)-1) < put
			checkBacking(t, s, l, id, complete)
		}
		if put < span.ID(l.Len()) {
			if err := s.Put(put, l.Out(put)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func checkBacking(t *testing.T, s *store.Store, l *layertest.Layer, id toc.NodeID, complete bool) {
	t.Helper()
	path := l.Tree.Path(id)
	f, ok := s.Backing(id)
	if ok != complete || s.Complete(id) != complete {
		t.Fatalf("%s: backing %v, complete %v, want %v", path, ok, s.Complete(id), complete)
	}
	if !ok {
		return
	}
	defer func() { _ = f.Close() }()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, l.Files[path]) {
		t.Errorf("%s: %d bytes, %v", path, len(got), err)
	}
}

// TestBackingLost: what the disk lost is no backing file, and neither is what
// a closed store has.
func TestBackingLost(t *testing.T) {
	l := layertest.New(t, 40, 9000, 2000)
	s := open(t, t.TempDir(), l)
	putAll(t, s, l)
	var ids []toc.NodeID
	for id := range l.Tree.Files(0, l.Tree.DataEnd()) {
		if _, size := l.Tree.Data(id); size > 1 {
			ids = append(ids, id)
		}
	}
	at := func(i int) string { return filepath.Join(s.Dir(), l.Tree.Path(ids[i])) }
	for _, err := range []error{os.Truncate(at(0), 1), os.Remove(at(1)), os.Remove(at(2)), os.Symlink("/etc/passwd", at(2))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		if f, ok := s.Backing(ids[i]); ok {
			_ = f.Close()
			t.Errorf("case %d: a damaged file is a backing file", i)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, ok := s.Backing(ids[3]); ok {
		t.Error("a closed store has backing files")
	}
}
