// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// windowByte finds a byte of the window of span 1 that decoding the span does
// need, or does not.
func windowByte(t *testing.T, blob []byte, z *ztoc.Ztoc, needed bool) int {
	t.Helper()
	l, err := z.Layer()
	if err != nil {
		t.Fatal(err)
	}
	c, sp := z.Checkpoints[1], l.Span(1)
	var used inflate.Mask
	bit := int64(c.In-sp.Start)*8 - int64(c.Bits)
	_, err = inflate.Piece{In: inflate.PadInput(blob[sp.Start:sp.End]), Start: bit, Window: c.Window, Size: int(sp.UncompressedSize()), Used: &used}.Decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range inflate.WindowSize {
		if used.Has(i) == needed {
			return i
		}
	}
	t.Fatal("no such byte")
	return 0
}

// lies are false indexes by name.
func lies(t *testing.T, blob []byte) map[string]func(*ztoc.Ztoc) {
	t.Helper()
	entry := func(change func(*toc.Entry)) func(*ztoc.Ztoc) {
		return func(z *ztoc.Ztoc) { change(&z.Entries[3]) }
	}
	window := func(needed bool) func(*ztoc.Ztoc) {
		return func(z *ztoc.Ztoc) {
			i := windowByte(t, blob, z, needed)
			w := append([]byte(nil), z.Checkpoints[1].Window...)
			w[i] ^= 1
			z.Checkpoints[1].Window = w
		}
	}
	return map[string]func(*ztoc.Ztoc){
		"mode":          entry(func(e *toc.Entry) { e.Mode |= 0o4000 }),
		"owner":         entry(func(e *toc.Entry) { e.UID++ }),
		"group":         entry(func(e *toc.Entry) { e.GID++ }),
		"name":          entry(func(e *toc.Entry) { e.Name += "x" }),
		"type":          entry(func(e *toc.Entry) { e.Type = toc.FIFO }),
		"size":          entry(func(e *toc.Entry) { e.Size-- }),
		"xattr":         entry(func(e *toc.Entry) { e.PAX = []toc.Record{{Key: "SCHILY.xattr.user.x", Value: "1"}} }),
		"offset":        entry(func(e *toc.Entry) { e.Size, e.Offset = e.Size-512, e.Offset+512 }),
		"missing entry": func(z *ztoc.Ztoc) { z.Entries = append(z.Entries[:3:3], z.Entries[4:]...) },
		"missing end":   func(z *ztoc.Ztoc) { z.Entries = z.Entries[:len(z.Entries)-1] },
		"extra entry": func(z *ztoc.Ztoc) {
			last := z.Entries[len(z.Entries)-1]
			last.Name, last.Type, last.Size = "extra", toc.Directory, 0
			last.Offset = span.UncompressedOffset(z.UncompressedSize) &^ 511
			z.Entries = append(z.Entries, last)
		},
		"link target":           func(z *ztoc.Ztoc) { z.Entries[len(z.Entries)-1].Linkname = "elsewhere" },
		"time":                  entry(func(e *toc.Entry) { e.ModTime = e.ModTime.Add(1e9) }),
		"window that matters":   window(true),
		"window without matter": window(false),
	}
}

// lyingLayer is a layer with one of everything that lies change.
func lyingLayer(t *testing.T) []byte {
	t.Helper()
	_, files := layer(t, 21, 60)
	list := []remotetest.File{{Name: "dir/"}}
	for name, body := range files {
		list = append(list, remotetest.File{Name: name, Body: body + strings.Repeat("y", 1024)})
	}
	slices.SortFunc(list, func(a, b remotetest.File) int { return strings.Compare(a.Name, b.Name) })
	list = append(list, remotetest.File{Name: "link", Link: "dir/target"})
	return remotetest.Gzip(t, remotetest.Tar(t, list...))
}

func TestLies(t *testing.T) {
	blob := lyingLayer(t)
	seed := uint64(6000)
	for name, change := range lies(t, blob) {
		seed++
		given(seed, blob, change)
		of := seed
		t.Run(name, func(t *testing.T) {
			t.Parallel() // background fetching takes its time on a busy machine
			testLie(t, of)
		})
	}
}

// testLie takes a false index through its life.
func testLie(t *testing.T, seed uint64) {
	srv := remotetest.New(t)
	img := push(t, srv, "app", "", seed)
	d := img.desc.Layers[0].Digest
	root := t.TempDir()
	h := start(t, root, background)
	h.mount(t, img, 0, "a")
	dir := h.dir(t, d)
	st := h.waitState(t, d, "condemned")
	if st.Err == nil || !strings.Contains(st.Err.Error(), img.ztocs[0].Digest.String()) {
		t.Errorf("status %+v", st)
	}
	if c := h.Condemned(); len(c) != 1 || c[0].Layer != d || c[0].Index != img.ztocs[0].Digest {
		t.Errorf("condemned: %+v", c)
	}
	checkUnreadable(t, dir)
	refused(t, h, img)
	h.stop(t)
	h = start(t, root, background)                         // remembers
	if err := h.Restore(t.Context(), d, "a"); err != nil { // for containers that have it
		t.Errorf("restore: %v", err)
	}
	if st := h.waitState(t, d, "condemned"); st.Err == nil {
		t.Errorf("status after a restart %+v", st)
	}
	checkUnreadable(t, h.dir(t, d))
	refused(t, h, img)
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	refused(t, h, img)
	// Another index of the layer may be honest.
	given(seed, mustBlob(t, seed), nil)
	honest := push(t, srv, "app", "honest", seed)
	h.mount(t, honest, 0, "b")
	h.waitState(t, d, "plain")
}

func mustBlob(t *testing.T, seed uint64) []byte {
	t.Helper()
	blob, _ := layer(t, seed, 0)
	return blob
}

// refused fails if the layer can be had.
func refused(t *testing.T, h *host, img *image) {
	t.Helper()
	if err := h.Mount(t.Context(), img.layerRef(0), "other"); !errors.Is(err, index.ErrNotLazy) || !strings.Contains(err.Error(), "condemned") {
		t.Errorf("mount of a condemned layer: %v", err)
	}
	if err := h.Check(t.Context(), img.desc.Layers[0].Digest); err == nil {
		t.Error("a condemned layer was found good")
	}
}

// checkUnreadable fails if files can be read that are not cached.
func checkUnreadable(t *testing.T, dir string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "dir", "file*"))
	for _, path := range paths {
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Read(make([]byte, 1))
		_ = f.Close()
		if !errors.Is(err, unix.EIO) {
			t.Errorf("%s: read gave %v", path, err)
		}
		return
	}
	t.Error("nothing to read")
}

func TestReadCondemned(t *testing.T) {
	blob := lyingLayer(t)
	given(6100, blob, func(z *ztoc.Ztoc) { z.Entries[3].UID++ })
	img := push(t, remotetest.New(t), "app", "", 6100)
	h := start(t, t.TempDir(), func(o *spryfs.Options) { background(o); o.ReadCondemned = true })
	h.mount(t, img, 0, "a")
	dir := h.dir(t, img.desc.Layers[0].Digest)
	h.waitState(t, img.desc.Layers[0].Digest, "condemned")
	f, err := os.Open(filepath.Join(dir, img.someFile(t, dir)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
	refused(t, h, img)
}

// someFile is a file of the layer.
func (img *image) someFile(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "dir", "file*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files, error %v", err)
	}
	return filepath.Join("dir", filepath.Base(paths[0]))
}
