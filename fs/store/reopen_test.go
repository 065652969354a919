// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

const (
	boot1 = "11111111-1111-1111-1111-111111111111"
	boot2 = "22222222-2222-2222-2222-222222222222"
)

func TestReopen(t *testing.T) {
	const spanSize = 2000
	l := layertest.New(t, 30, 5000, spanSize)
	other := layertest.New(t, 30, 5000, spanSize+1)
	half := l.Len() / 2
	tests := map[string]struct {
		put     int // spans written before
		seal    bool
		prepare func(t *testing.T, dir string)
		boot    string
		layer   *layertest.Layer
		want    int // spans that are there afterwards
	}{
		"same boot":                       {put: half, boot: boot1, layer: l, want: half},
		"whole, same boot":                {put: l.Len(), boot: boot1, layer: l, want: l.Len()},
		"other boot":                      {put: half, boot: boot2, layer: l, want: 0},
		"whole but not sealed, boot":      {put: l.Len(), boot: boot2, layer: l, want: 0},
		"sealed, other boot":              {put: l.Len(), seal: true, boot: boot2, layer: l, want: l.Len()},
		"other spans":                     {put: half, boot: boot1, layer: other, want: 0},
		"other spans, sealed":             {put: l.Len(), seal: true, boot: boot1, layer: other, want: 0},
		"bitmap cut":                      {put: half, boot: boot1, layer: l, prepare: truncate("spans", 90), want: 0},
		"bitmap empty":                    {put: half, boot: boot1, layer: l, prepare: truncate("spans", 0), want: 0},
		"bitmap lost":                     {put: half, boot: boot1, layer: l, prepare: remove("spans"), want: 0},
		"seal cut":                        {put: l.Len(), seal: true, boot: boot2, layer: l, prepare: truncate("sealed", 10), want: 0},
		"bitmap lost, sealed, other boot": {put: l.Len(), seal: true, boot: boot2, layer: l, prepare: remove("spans"), want: l.Len()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir, l, tt.put, tt.seal)
			if tt.prepare != nil {
				tt.prepare(t, dir)
			}
			s, err := store.OpenInBoot(dir, tt.layer.Tree, tt.layer, tt.boot)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			have := 0
			for id := range span.ID(tt.layer.Len()) {
				if s.Has(id) {
					have++
					checkSpan(t, s, tt.layer, id)
				}
			}
			if missing, _ := s.Missing(); have != tt.want || missing != tt.layer.Len()-tt.want {
				t.Errorf("got %d spans, %d missing; want %d of %d", have, missing, tt.want, tt.layer.Len())
			}
			if files := onDisk(t, s.Dir()); tt.want == 0 && len(files) != 0 {
				t.Errorf("%d files left of a store that starts over", len(files))
			}
			putAll(t, s, tt.layer)
			checkSpan(t, s, tt.layer, 0)
		})
	}
}

// fill writes the first put spans in boot1 and closes the store.
func fill(t *testing.T, dir string, l *layertest.Layer, put int, seal bool) {
	t.Helper()
	s, err := store.OpenInBoot(dir, l.Tree, l, boot1)
	if err != nil {
		t.Fatal(err)
	}
	for id := range span.ID(put) {
		if err := s.Put(id, l.Out(id)); err != nil {
			t.Fatal(err)
		}
	}
	if seal {
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func truncate(name string, size int64) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that dies between writing data and marking it leaves data that
// the next one writes again.
func TestKilledBeforeTheMark(t *testing.T) {
	l := layertest.New(t, 30, 5000, 2000)
	dir := t.TempDir()
	fill(t, dir, l, l.Len(), false)
	f, err := os.OpenFile(filepath.Join(dir, "spans"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0}, 80+3); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenInBoot(dir, l.Tree, l, boot1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if n, b := s.Missing(); s.Has(3) || n != 1 || b != l.Span(3).CompressedSize() {
		t.Fatalf("missing %d spans, %d bytes", n, b)
	}
	if err := s.Put(3, l.Out(3)); err != nil {
		t.Fatal(err)
	}
	checkSpan(t, s, l, 3)
}

func TestSealWantsEverything(t *testing.T) {
	l := layertest.New(t, 10, 5000, 2000)
	s := open(t, t.TempDir(), l)
	if err := s.Seal(); !errors.Is(err, store.ErrIncomplete) || s.Sealed() {
		t.Fatalf("sealed with everything missing: %v", err)
	}
	putAll(t, s, l)
	for range 2 {
		if err := s.Seal(); err != nil || !s.Sealed() {
			t.Fatalf("seal: %v", err)
		}
	}
}

// TestLossDuringTheSeal: what is dropped while the file system is synced is not
// sealed.
func TestLossDuringTheSeal(t *testing.T) {
	proven := func(s *store.Store) error { return s.SealProven("") }
	for name, seal := range map[string]func(*store.Store) error{"whole": (*store.Store).Seal, "proven": proven} {
		t.Run(name, func(t *testing.T) {
			l := layertest.New(t, 10, 5000, 2000)
			for range 20 {
				dir := t.TempDir()
				s := open(t, dir, l)
				putAll(t, s, l)
				sealed := make(chan error, 1)
				go func() { sealed <- seal(s) }()
				if err := s.Drop(0); err != nil {
					t.Fatal(err)
				}
				err := <-sealed
				_, noRecord := os.Stat(filepath.Join(dir, "sealed"))
				if s.Sealed() || s.Proven() || noRecord == nil || !errors.Is(err, store.ErrIncomplete) && err != nil {
					t.Fatalf("a span is missing: sealed %v, proven %v, record %v; error %v", s.Sealed(), s.Proven(), noRecord, err)
				}
			}
		})
	}
}

// TestDiffIDOfASeal: what a layer decompresses to is known as long as it is on disk,
// and records of earlier versions have none.
func TestDiffIDOfASeal(t *testing.T) {
	l := layertest.New(t, 10, 5000, 2000)
	dir := t.TempDir()
	s := open(t, dir, l)
	putAll(t, s, l)
	want := digest.FromString("a layer")
	if err := s.SealProven(want); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, l)
	if err := s.Drop(0); err != nil {
		t.Fatal(err)
	}
	if p, plain := store.ReadPlain(dir); plain {
		t.Fatalf("a layer that misses a span is plain: %+v", p)
	}
	putAll(t, s, l)
	if err := s.SealProven(""); err != nil {
		t.Fatal(err)
	}
	p, plain := store.ReadPlain(dir)
	if !plain || p.DiffID != want {
		t.Fatalf("plain %v, %+v", plain, p)
	}
	record := filepath.Join(dir, "sealed")
	b, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	earlier, _, _ := bytes.Cut(b, []byte(" "+want.String()))
	if err := os.WriteFile(record, append(earlier, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	p.DiffID = ""
	if got, plain := store.ReadPlain(dir); !plain || got != p {
		t.Errorf("record of an earlier version: plain %v, %+v, want %+v", plain, got, p)
	}
	if s := open(t, dir, l); !s.Proven() {
		t.Error("record of an earlier version: not proven")
	}
}

// A file that vanished is noticed by reading, dropped, and written again.
func TestDrop(t *testing.T) {
	l := layertest.New(t, 10, 5000, 2000)
	dir := t.TempDir()
	s := open(t, dir, l)
	putAll(t, s, l)
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	path := "d0/e1/file0009"
	node, body := l.Node(t, path), l.Files[path]
	if err := os.Remove(filepath.Join(s.Dir(), path)); err != nil {
		t.Fatal(err)
	}
	first, last := spansOf(l, path)
	for id := first; id <= last; id++ {
		if err := s.Drop(id); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, len(body))
	if err := s.ReadAt(node, p, 0); err == nil {
		t.Fatal("a file that is gone was read")
	}
	if n, _ := s.Missing(); s.Sealed() || n != int(last-first)+1 {
		t.Fatalf("sealed %v, missing %d", s.Sealed(), n)
	}
	reopened := open(t, dir, l)
	if n, _ := reopened.Missing(); n != int(last-first)+1 {
		t.Errorf("missing after reopening: %d", n)
	}
	putAll(t, reopened, l)
	if err := reopened.ReadAt(node, p, 0); err != nil || !bytes.Equal(p, body) {
		t.Errorf("after writing again: %v", err)
	}
}

func spansOf(l *layertest.Layer, path string) (first, last span.ID) {
	for id := range l.Tree.Files(0, span.UncompressedOffset(len(l.Stream))) {
		if l.Tree.Path(id) == path {
			off, size := l.Tree.Data(id)
			return l.At(off), l.At(off + span.UncompressedOffset(size) - 1)
		}
	}
	return 0, -1
}
