// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

func open(t testing.TB, dir string, l *layertest.Layer) *store.Store {
	t.Helper()
	s, err := store.Open(dir, l.Tree, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// putAll writes every span in random order.
func putAll(t testing.TB, s *store.Store, l *layertest.Layer) {
	t.Helper()
	for _, id := range rand.Perm(l.Len()) {
		if err := s.Put(span.ID(id), l.Out(span.ID(id))); err != nil {
			t.Fatal(err)
		}
	}
}

// onDisk is the content of every file below dir, by path.
func onDisk(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		files[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// withContent are the files of l that are not empty.
func withContent(l *layertest.Layer) map[string][]byte {
	files := map[string][]byte{}
	for path, body := range l.Files {
		if len(body) > 0 {
			files[path] = body
		}
	}
	return files
}

func TestWholeStoreIsTheUnpackedDirectory(t *testing.T) {
	for _, spanSize := range []int{700, 4096, 100_000, 1 << 20} {
		l := layertest.New(t, 60, 9000, spanSize)
		s := open(t, t.TempDir(), l)
		putAll(t, s, l)
		if d := cmp.Diff(withContent(l), onDisk(t, s.Dir())); d != "" {
			t.Errorf("span size %d (-want +got):\n%s", spanSize, d)
		}
		if n, b := s.Missing(); n != 0 || b != 0 {
			t.Errorf("span size %d: missing %d spans, %d bytes", spanSize, n, b)
		}
	}
}

func TestReadAt(t *testing.T) {
	l := layertest.New(t, 80, 5000, 3000)
	s := open(t, t.TempDir(), l)
	putAll(t, s, l)
	for path, body := range l.Files {
		if len(body) == 0 {
			continue
		}
		off := rand.IntN(len(body))
		p := make([]byte, 1+rand.IntN(len(body)-off))
		if err := s.ReadAt(l.Node(t, path), p, int64(off)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, body[off:off+len(p)]) {
			t.Errorf("%s: wrong bytes at %d", path, off)
		}
	}
	if n := s.OpenHandles(); n > store.MaxHandles {
		t.Errorf("%d files open, at most %d allowed", n, store.MaxHandles)
	}
}

// More than there are handles, so that a file is open more than once.
func TestConcurrentUse(t *testing.T) {
	l := layertest.New(t, 100, 6000, 2500)
	s := open(t, t.TempDir(), l)
	var wg sync.WaitGroup
	for range store.MaxHandles {
		wg.Go(func() {
			for _, i := range rand.Perm(l.Len()) {
				id := span.ID(i)
				if err := s.Put(id, l.Out(id)); err != nil {
					t.Error(err)
				}
				checkSpan(t, s, l, id)
			}
		})
	}
	wg.Wait()
	if n, b := s.Missing(); n != 0 || b != 0 {
		t.Errorf("missing %d spans, %d bytes", n, b)
	}
	if d := cmp.Diff(withContent(l), onDisk(t, s.Dir())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// checkSpan reads every file piece of a written span back.
func checkSpan(t *testing.T, s *store.Store, l *layertest.Layer, id span.ID) {
	sp := l.Span(id)
	for node := range l.Tree.Files(sp.OutStart, sp.OutEnd) {
		off, size := l.Tree.Data(node)
		start, end := max(off, sp.OutStart), min(off+span.UncompressedOffset(size), sp.OutEnd)
		p := make([]byte, end-start)
		if err := s.ReadAt(node, p, int64(start-off)); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(p, l.Stream[start:end]) {
			t.Errorf("span %d: wrong bytes of %s", id, l.Tree.Path(node))
		}
	}
}

func TestPutRejectsAPart(t *testing.T) {
	l := layertest.New(t, 5, 3000, 1000)
	s := open(t, t.TempDir(), l)
	if err := s.Put(1, l.Out(1)[:999]); err == nil || s.Has(1) {
		t.Errorf("a part of a span was taken: %v", err)
	}
}

func TestPutThatFailsRecordsNothingAndCanBeRepeated(t *testing.T) {
	l := layertest.New(t, 5, 3000, 1<<20)
	dir := t.TempDir()
	s := open(t, dir, l)
	// A file where a directory should be, as a stand-in for a full disk.
	blocker := filepath.Join(s.Dir(), "d0")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(0, l.Out(0)); err == nil || s.Has(0) {
		t.Fatalf("put into a blocked directory: %v", err)
	}
	if err := os.Remove(blocker); err != nil {
		t.Fatal(err)
	}
	putAll(t, s, l)
	checkSpan(t, s, l, 0)
}

func TestNoSymlinkIsFollowedOut(t *testing.T) {
	l := layertest.New(t, 5, 3000, 1<<20)
	outside := t.TempDir()
	s := open(t, t.TempDir(), l)
	if err := os.Symlink(outside, filepath.Join(s.Dir(), "d0")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(0, l.Out(0)); err == nil {
		t.Error("put through a symlink out of the store succeeded")
	}
	if got := onDisk(t, outside); len(got) != 0 {
		t.Errorf("written outside: %v", got)
	}
}

func TestUsageCountsWhatIsOnDisk(t *testing.T) {
	l := layertest.New(t, 60, 9000, 4000)
	s := open(t, t.TempDir(), l)
	putAll(t, s, l)
	var inodes, bytes int64
	err := filepath.WalkDir(s.Dir(), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		inodes++
		bytes += (info.Size() + 4095) / 4096 * 4096
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	gotBytes, gotInodes := s.Usage()
	if gotInodes != inodes || gotBytes != bytes {
		t.Errorf("got %d bytes in %d inodes, want %d in %d", gotBytes, gotInodes, bytes, inodes)
	}
	if err := s.Put(0, l.Out(0)); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Usage(); again != gotBytes {
		t.Errorf("putting a span again changed the usage: %d, was %d", again, gotBytes)
	}
}

func TestClosed(t *testing.T) {
	l := layertest.New(t, 5, 3000, 1000)
	s := open(t, t.TempDir(), l)
	putAll(t, s, l)
	node := l.Node(t, "d1/e0/file0004")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ReadAt(node, make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read: got %v", err)
	}
	if n := s.OpenHandles(); n != 0 {
		t.Errorf("%d files open after close", n)
	}
}
