// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// flip changes the last byte of a file in place.
func flip(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err = f.ReadAt(b, st.Size()-1); err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b, st.Size()-1)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// flipped is a layer that is whole apart from the first span of a file that
// lies in several, whose last byte is flipped on disk.
type flipped struct {
	*layertest.Layer
	store       *store.Store
	dir         string
	node        toc.NodeID
	want        []byte
	first, last span.ID
}

func newFlipped(t *testing.T) *flipped {
	t.Helper()
	f := &flipped{Layer: layertest.New(t, 40, 9000, 2000), dir: t.TempDir()}
	f.store = open(t, f.dir, f.Layer)
	for path, body := range f.Files {
		if first, last := spansOf(f.Layer, path); len(body) > 0 && last > first+1 {
			f.node, f.want, f.first, f.last = f.Node(t, path), body, first, last
		}
	}
	for id := range span.ID(f.Len()) {
		if id == f.first {
			continue
		}
		if err := f.store.Put(id, f.Out(id)); err != nil {
			t.Fatal(err)
		}
	}
	flip(t, f.path())
	return f
}

func (f *flipped) path() string { return filepath.Join(f.store.Dir(), f.Tree.Path(f.node)) }

// put writes the spans of the file, and reads it.
func (f *flipped) put(t *testing.T) {
	t.Helper()
	for id := f.first; id <= f.last; id++ {
		if err := f.store.Put(id, f.Out(id)); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, len(f.want))
	if err := f.store.ReadAt(f.node, got, 0); err != nil || !bytes.Equal(got, f.want) {
		t.Errorf("after everything was put: %v, right %v", err, bytes.Equal(got, f.want))
	}
}

// What somebody else wrote to is not what was recorded: all of the file is
// missing, whatever finds out.
func TestForeignWrite(t *testing.T) {
	finders := map[string]func(t *testing.T, f *flipped){
		"a read of the byte": func(t *testing.T, f *flipped) {
			err := f.store.ReadAt(f.node, make([]byte, 1), int64(len(f.want)-1))
			if !errors.Is(err, store.ErrForeign) {
				t.Errorf("read: %v", err)
			}
		},
		"a read of the byte after a restart": func(t *testing.T, f *flipped) {
			if err := f.store.Close(); err != nil {
				t.Fatal(err)
			}
			f.store = open(t, f.dir, f.Layer)
			err := f.store.ReadAt(f.node, make([]byte, 1), int64(len(f.want)-1))
			if !errors.Is(err, store.ErrForeign) {
				t.Errorf("read: %v", err)
			}
		},
		"a write of another span": func(t *testing.T, f *flipped) {
			if err := f.store.Put(f.first, f.Out(f.first)); err != nil {
				t.Fatal(err)
			}
		},
		"a question": func(t *testing.T, f *flipped) {
			if f.store.Intact(f.node) {
				t.Error("the file is intact")
			}
		},
	}
	for name, find := range finders {
		t.Run(name, func(t *testing.T) {
			f := newFlipped(t)
			find(t, f)
			if f.store.Has(f.last) {
				t.Error("the span with the wrong byte is still there")
			}
			f.put(t)
		})
	}
}

// A whole layer in which somebody wrote is no backing, and not finished.
func TestForeignWriteWhole(t *testing.T) {
	f := newFlipped(t)
	if f.store.Intact(f.node) {
		t.Error("intact with a span missing")
	}
	f.put(t)
	if !f.store.Intact(f.node) {
		t.Fatal("not intact after it was put")
	}
	flip(t, f.path())
	if b, ok := f.store.Backing(f.node); ok {
		_ = b.Close()
		t.Error("the file is a backing file")
	}
	if err := f.store.Finish(t.Context()); !errors.Is(err, store.ErrIncomplete) || !errors.Is(err, store.ErrForeign) {
		t.Errorf("finish: %v", err)
	}
	f.put(t)
	if err := f.store.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !f.store.Intact(f.node) {
		t.Error("not intact when finished")
	}
	flip(t, f.path())
	if f.store.Intact(f.node) {
		t.Error("intact after a write to what was finished")
	}
}

// A write that a full disk ends in the middle is the store's own: what other spans
// hold of the file stays.
func TestFullDiskKeepsWhatIsWritten(t *testing.T) {
	for range 20 { // orders in which spans arrive
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		l := layertest.New(t, 40, 8000, 1000)
		s := open(t, dir, l)
		order, failed := rand.Perm(l.Len()), 0
		for i := range 3 * len(order) {
			id := span.ID(order[i%len(order)])
			before := presentSpans(s, l)
			if err := s.Put(id, l.Out(id)); errors.Is(err, unix.ENOSPC) {
				failed++
			} else if err != nil {
				t.Fatal(err)
			}
			for _, other := range before {
				if !s.Has(other) {
					t.Fatalf("put of span %d dropped span %d", id, other)
				}
			}
		}
		if failed == 0 {
			t.Fatal("the disk was not full: the test does not test")
		}
		for _, id := range presentSpans(s, l) {
			checkSpan(t, s, l, id)
		}
	}
}

func presentSpans(s *store.Store, l *layertest.Layer) (ids []span.ID) {
	for id := range span.ID(l.Len()) {
		if s.Has(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Files of a version that gave them no stamps are taken as they are until they
// are finished.
func TestNoStamps(t *testing.T) {
	for name, seal := range map[string]bool{"lazy": false, "sealed": true} {
		t.Run(name, func(t *testing.T) {
			l := layertest.New(t, 40, 9000, 2000)
			dir := t.TempDir()
			fill(t, dir, l, l.Len(), seal)
			bitmap, err := os.OpenFile(filepath.Join(dir, "spans"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bitmap.WriteAt([]byte("sprysp01"), 0)
			if err := errors.Join(err, bitmap.Close()); err != nil {
				t.Fatal(err)
			}
			for path := range withContent(l) {
				flip(t, filepath.Join(dir, "fs", path)) // and back: the time of now
				flip(t, filepath.Join(dir, "fs", path))
			}
			for range 2 { // also as it was taken over
				s, err := store.OpenInBoot(dir, l.Tree, l, boot1)
				if err != nil {
					t.Fatal(err)
				}
				for id := range span.ID(l.Len()) {
					checkSpan(t, s, l, id)
				}
				if n, _ := s.Missing(); n != 0 {
					t.Errorf("%d spans missing", n)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := store.OpenInBoot(dir, l.Tree, l, boot1)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if err := s.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			for path, body := range withContent(l) {
				flip(t, filepath.Join(dir, "fs", path))
				if err := s.ReadAt(l.Node(t, path), make([]byte, len(body)), 0); !errors.Is(err, store.ErrForeign) {
					t.Fatalf("flipped after it was finished: %v", err)
				}
			}
		})
	}
}
