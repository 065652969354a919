// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
)

// What the disk of a plain layer loses while it is served is fetched again,
// and the layer is plain again.
func TestPlainLayerLosesAFile(t *testing.T) {
	const path = "d0/e1/file0009"
	overwrite := func(t *testing.T, stored string) {
		if err := os.WriteFile(stored, []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cut := func(t *testing.T, stored string) {
		if err := os.Truncate(stored, 1); err != nil {
			t.Fatal(err)
		}
	}
	read := func(t *testing.T, ly *layer.Layer, l *layertest.Layer) { check(t, ly, l) }
	ask := func(t *testing.T, ly *layer.Layer, l *layertest.Layer) {
		if ly.Intact(l.Node(t, path)) {
			t.Error("the file is intact")
		}
	}
	tests := map[string]struct {
		damage func(t *testing.T, stored string)
		find   func(t *testing.T, ly *layer.Layer, l *layertest.Layer)
	}{
		"changed, read":  {overwrite, read},
		"changed, asked": {overwrite, ask},
		"cut, read":      {cut, read},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, blob, ly, dir := openPlain(t)
			stored := filepath.Join(dir, "fs", path)
			tt.damage(t, stored)
			before := len(blob.Requests())
			tt.find(t, ly, l)
			if ly.Intact(l.Node(t, path)) && len(blob.Requests()) == before {
				t.Error("nothing was fetched")
			}
			for _, plain := store.ReadPlain(dir); !plain; _, plain = store.ReadPlain(dir) {
				if t.Context().Err() != nil {
					t.Fatal("not plain again")
				}
				time.Sleep(time.Millisecond)
			}
			waitState(t, ly, layer.Plain)
			if got, err := os.ReadFile(stored); err != nil || !bytes.Equal(got, l.Files[path]) {
				t.Errorf("on disk: %d bytes, %v", len(got), err)
			}
			if n := len(blob.Requests()) - before; n > 3 {
				t.Errorf("%d requests for one file", n)
			}
		})
	}
}

// A file that was changed while there is no network is fetched when there is, and
// asking for it all the time asks the network no more often than a read does.
func TestLostFileWaitsForTheNetwork(t *testing.T) {
	l, blob, ly, dir := openPlain(t)
	const path = "d0/e1/file0009"
	if err := os.WriteFile(filepath.Join(dir, "fs", path), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	blob.Answer(layertest.Fail(errNet))
	before := len(blob.Requests())
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ly.Intact(l.Node(t, path)) {
			t.Fatal("the file is intact without the network")
		}
	}
	if n := len(blob.Requests()) - before; n == 0 || n > 40 {
		t.Errorf("%d requests in a second", n)
	}
	blob.Answer(nil)
	for !ly.Intact(l.Node(t, path)) && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "fs", path)); err != nil || !bytes.Equal(got, l.Files[path]) {
		t.Errorf("on disk: %d bytes, %v", len(got), err)
	}
}

// TestDiffIDOfALayerThatLostAFile: what the disk lost before a layer is hashed comes
// again first.
func TestDiffIDOfALayerThatLostAFile(t *testing.T) {
	l, dir := layertest.New(t, 40, 8000, 3000), t.TempDir()
	blob, s := layertest.NewBlob(l), fetch.New(fetch.Options{})
	other, err := s.Acquire(t.Context(), fetch.Background)
	if err != nil {
		t.Fatal(err)
	}
	ly := open(t, dir, l, blob, func(o *layer.Options) {
		o.Spans, o.Scheduler, o.Deadline = layertest.Ending{Layer: l}, s, 100*time.Millisecond
	})
	ly.Start()
	waitState(t, ly, layer.Proven) // and it waits for the other transfer
	const path = "d0/e1/file0009"
	blob.Answer(layertest.Fail(errNet))
	if err := os.WriteFile(filepath.Join(dir, "fs", path), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ly.ReadAt(t.Context(), l.Node(t, path), make([]byte, len(l.Files[path])), 0); err == nil {
		t.Fatal("a lost file was read without the network")
	}
	if _, missing := ly.Spans(); missing == 0 {
		t.Fatal("nothing is missing")
	}
	other.Release()
	time.Sleep(100 * time.Millisecond)
	blob.Answer(nil)
	waitState(t, ly, layer.Plain)
	if p, ok := store.ReadPlain(dir); !ok || p.DiffID != digest.FromBytes(l.Stream) {
		t.Errorf("plain %v, DiffID %q, want %s", ok, p.DiffID, digest.FromBytes(l.Stream))
	}
}

// openPlain makes a layer that is plain in dir, and still open.
func openPlain(t *testing.T) (l *layertest.Layer, blob *layertest.Blob, ly *layer.Layer, dir string) {
	t.Helper()
	l, dir = layertest.New(t, 40, 8000, 3000), t.TempDir()
	blob = layertest.NewBlob(l)
	ly = open(t, dir, l, blob, nil)
	ly.Start()
	waitState(t, ly, layer.Plain)
	return l, blob, ly, dir
}
