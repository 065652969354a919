// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/index/span"
)

// small is a layer of many small files a span.
func small(t *testing.T) *layertest.Layer { return layertest.New(t, 400, 8<<10, 256<<10) }

// someFile is a file of l with content, always the same.
func someFile(l *layertest.Layer) string {
	paths := slices.Sorted(maps.Keys(l.Files))
	return paths[slices.IndexFunc(paths, func(path string) bool { return len(l.Files[path]) > 0 })]
}

// staged reads one file of l and waits until its span is staged.
func staged(t *testing.T, b *bench, path string) span.ID {
	t.Helper()
	same(t, b, path)
	data, _ := b.layer.Tree.Data(b.layer.Node(t, path))
	id := b.layer.At(data)
	waitFor(t, func() bool { return b.Staged() > 0 })
	if b.store.Has(id) {
		t.Fatal("its files were written at once")
	}
	return id
}

// same reads a file, which must be what the layer has.
func same(t *testing.T, b *bench, path string) {
	t.Helper()
	got, err := b.file(t.Context(), b.layer.Node(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.layer.Files[path]) {
		t.Errorf("%s: wrong bytes", path)
	}
}

// TestReadOfStagedFetchesNothing: what a read finds here is no miss, whose
// neighbourhood would be fetched.
func TestReadOfStagedFetchesNothing(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	id := l.At(0) + span.ID(l.Len()/2)
	if err := b.Fetch(t.Context(), fetch.Readahead, id, id); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return b.Staged() == 1 })
	sp, read := l.Span(id), 0
	for path := range l.Files {
		data, size := l.Tree.Data(l.Node(t, path))
		if size > 0 && data >= sp.OutStart && data+span.UncompressedOffset(size) <= sp.OutEnd {
			same(t, b, path)
			read++
		}
	}
	waitFor(t, func() bool { return b.Ahead() == 0 })
	if n := len(b.blob.Requests()); n != 1 || read == 0 {
		t.Errorf("%d requests for %d files of a span that is here", n, read)
	}
}

// TestSmallFilesWait: while a container starts, spans of many files are read
// from the stage, and later written.
func TestSmallFilesWait(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	id := staged(t, b, someFile(l))
	for path := range l.Files {
		same(t, b, path)
	}
	if n := len(b.blob.Requests()); n > l.Len() {
		t.Errorf("%d requests for %d spans", n, l.Len())
	}
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)); err != nil {
		t.Fatal(err)
	}
	if missing, _ := b.store.Missing(); missing > 0 || !b.store.Has(id) {
		t.Errorf("%d spans are missing", missing)
	}
	waitFor(t, func() bool { return b.Staged() == 0 && b.StageBytes() == 0 })
	for path := range l.Files {
		same(t, b, path)
	}
}

// TestAtOnce: what is staged is read at once; what is not fetched, stored or
// outside of the file is not said to be.
func TestAtOnce(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	path := someFile(l)
	id, size := l.Node(t, path), int64(len(l.Files[path]))
	if b.AtOnce(id, 0, size) {
		t.Error("before it was fetched")
	}
	staged(t, b, path)
	for _, c := range []struct {
		off, n int64
		want   bool
	}{{0, size, true}, {size - 1, 4096, true}, {size, 1, false}, {0, 0, false}, {-1, 1, false}, {1 << 62, 1 << 62, false}} {
		if got := b.AtOnce(id, c.off, c.n); got != c.want {
			t.Errorf("staged, %d bytes at %d: %v", c.n, c.off, got)
		}
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.AtOnce(id, 0, size) {
		t.Error("when it is stored, which may be read from disk")
	}
	same(t, b, path)
}

// TestLargeFilesDoNotWait: a span of few files is written at once.
func TestLargeFilesDoNotWait(t *testing.T) {
	l := layertest.New(t, 3, 2*mib, 256<<10)
	b := newBench(t, l, nil)
	b.sched.Expect()
	same(t, b, "d2/e0/file0002")
	data, _ := l.Tree.Data(l.Node(t, "d2/e0/file0002"))
	waitFor(t, func() bool { return b.store.Has(l.At(data + 256<<10)) })
	if b.StageBytes() > 0 {
		t.Error("it was staged")
	}
}

// TestStagedSpanIsLost: what the stage cannot give back is fetched again, for
// readers and for the files.
func TestStagedSpanIsLost(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *bench){
		"to a reader": func(t *testing.T, b *bench) {
			if err := b.LoseStage(); err != nil {
				t.Fatal(err)
			}
			same(t, b, someFile(b.layer))
		},
		"to the writer": func(t *testing.T, b *bench) {
			if err := b.OverwriteStage(int64(b.layer.Tree.DataEnd())); err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { return b.Staged() == 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := small(t)
			b := newBench(t, l, nil)
			b.sched.Expect()
			id := staged(t, b, someFile(l))
			waitFor(t, func() bool { return b.Ahead() == 0 })
			before := len(b.blob.Requests())
			lose(t, b)
			if err := b.Fetch(t.Context(), fetch.Background, id, id); err != nil {
				t.Fatal(err)
			}
			if len(b.blob.Requests()) == before || !b.store.Has(id) {
				t.Error("it was not fetched again")
			}
			same(t, b, someFile(l))
		})
	}
}

// TestHoleOfALostSpan: of a file that begins in a span that the stage lost, and
// ends in one that is written, the beginning is a hole.
func TestHoleOfALostSpan(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	id := staged(t, b, someFile(l))
	waitFor(t, func() bool { return b.Ahead() == 0 })
	// Files that lie in a staged span and the one behind.
	files := map[string]span.ID{}
	for path, body := range l.Files {
		data, size := l.Tree.Data(l.Node(t, path))
		if len(body) > 0 && l.At(data) == id && l.At(data+span.UncompressedOffset(size)-1) == id+1 {
			files[path] = id + 1
		}
	}
	if len(files) == 0 {
		t.Fatal("no file lies in two spans")
	}
	if err := b.store.Put(id+1, l.Out(id+1)); err != nil {
		t.Fatal(err)
	}
	if err := b.LoseStage(); err != nil {
		t.Fatal(err)
	}
	for path := range files {
		same(t, b, path)
	}
}

// TestSpanLostWhileItIsRead: while a file is read its beginning is lost, with the
// file, and its end comes first.
func TestSpanLostWhileItIsRead(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	var path string
	var first span.ID
	for p := range l.Files {
		data, size := l.Tree.Data(l.Node(t, p))
		if first = l.At(data); size > 0 && l.At(data+span.UncompressedOffset(size)-1) == first+1 {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no file lies in two spans")
	}
	done := make(chan error)
	go func() {
		var err error
		for round := 0; round < 3000 && err == nil; round++ {
			err = errors.Join(b.store.Drop(first), b.store.Drop(first+1))
			_ = os.Remove(filepath.Join(b.store.Dir(), path))
			err = errors.Join(err, b.store.Put(first+1, l.Out(first+1)), b.store.Put(first, l.Out(first)))
			time.Sleep(time.Duration(round%5) * 10 * time.Microsecond)
		}
		done <- err
	}()
	read, p := 0, make([]byte, len(l.Files[path]))
	for {
		select {
		case err := <-done:
			if err != nil || read == 0 {
				t.Errorf("read %d times: %v", read, err)
			}
			return
		default:
		}
		if b.ReadStored(l.Node(t, path), p, first, first+1) != nil {
			continue
		}
		if read++; !bytes.Equal(p, l.Files[path]) {
			t.Fatalf("wrong bytes, the %d. time", read)
		}
	}
}

// TestFlush: at an orderly end all is written at once, and nothing is put off any
// more.
func TestFlush(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	paths := slices.Sorted(maps.Keys(l.Files))
	for _, path := range paths[:len(paths)/2] {
		same(t, b, path)
	}
	waitFor(t, func() bool { return b.Staged() > 0 })
	b.sched.Expect() // it is not calm for a while
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Flush(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a flush that is cut short", err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.Staged() > 0 || b.Flights() > 0 {
		t.Errorf("%d spans are staged, %d in memory", b.Staged(), b.Flights())
	}
	for _, path := range paths {
		same(t, b, path)
		if b.Staged() > 0 {
			t.Fatalf("%s: put off", path)
		}
	}
}

// TestNoStage: where there can be none, or it is full, files are written at
// once.
func TestNoStage(t *testing.T) {
	l := small(t)
	b := newBench(t, l, nil)
	b.sched.Expect()
	b.FillStage()
	same(t, b, someFile(l))
	data, _ := l.Tree.Data(l.Node(t, someFile(l)))
	waitFor(t, func() bool { return b.store.Has(l.At(data)) })
}
