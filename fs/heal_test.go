// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/compact"
)

// indexFile is the index of layer d on disk.
func (h *host) indexFile(d digest.Digest) string {
	return filepath.Join(h.root, "layers", d.Encoded(), "index")
}

// loseWindows damages all windows of an index on disk.
func loseWindows(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := compact.Inspect(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == tables {
		t.Fatal("no windows: the test does not test")
	}
	if _, err := f.WriteAt(make([]byte, info.Size()-tables), tables); err != nil {
		t.Fatal(err)
	}
}

// Windows that the disk lost while their layer is in use are loaded again;
// while that is not possible reads wait, and the index is not taken for a lie.
func TestLostWindowsAreLoadedAgain(t *testing.T) {
	for name, inBackground := range map[string]bool{"on demand": false, "background": true} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			img := push(t, srv, "app", "", 1)
			d, z := img.desc.Layers[0].Digest, img.ztocs[0].Digest.String()
			srv.Rule(remotetest.Rule{Path: d.String(), Times: 3, Do: remotetest.Status(503)}) // not faster than the damage
			h := start(t, t.TempDir(), func(o *spryfs.Options) { o.Background = inBackground })
			h.mount(t, img, 0, "a")
			loseWindows(t, h.indexFile(d))
			gone := srv.Rule(remotetest.Rule{Path: z, Times: 3, Do: remotetest.Status(404)})
			verify(t, h.dir(t, d), img.files[0])
			if gone.Hits() != 3 {
				t.Errorf("the index was asked for %d times in vain, want 3", gone.Hits())
			}
			if n := srv.Count("GET", z); n > 5 {
				t.Errorf("the index was asked for %d times", n)
			}
			if inBackground {
				h.waitWhole(t)
			}
			if c := h.Condemned(); len(c) != 0 {
				t.Errorf("condemned: %v", c)
			}
		})
	}
}

// An index that is damaged when the daemon starts is loaded again, when there
// is a registry; nobody has to ask for the layer.
func TestDamagedIndexIsLoadedAgain(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"deleted":   os.Remove,
		"of a later version": rewrite(func(b []byte) []byte {
			b[8]++ // the low byte of the version (docs/compact-index.md)
			return b
		}),
		"flipped": rewrite(func(b []byte) []byte {
			b[len(b)/3] ^= 1
			b[200] ^= 1
			return b
		}),
	} {
		t.Run(name, func(t *testing.T) {
			root, srv := t.TempDir(), remotetest.New(t)
			img := push(t, srv, "app", "", 1)
			d := img.desc.Layers[0].Digest
			h := start(t, root, nil)
			h.mount(t, img, 0, "a")
			h.stop(t)
			if err := damage(h.indexFile(d)); err != nil {
				t.Fatal(err)
			}
			srv.Rule(remotetest.Rule{Path: img.ztocs[0].Digest.String(), Times: 1, Do: remotetest.Status(404)})
			h = start(t, root, nil)
			if err := h.Restore(t.Context(), d, "a"); err == nil {
				t.Fatal("the index is not damaged: the test does not test")
			}
			if err := h.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { l := h.Layers(); return len(l) == 1 && l[0].FUSE })
			verify(t, h.dir(t, d), img.files[0])
		})
	}
}

// rewrite makes a damage of a change of a file's content.
func rewrite(change func([]byte) []byte) func(path string) error {
	return func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, change(b), 0o600)
	}
}

// A record that is damaged when the daemon starts is made anew of its copy,
// and the other way round, without a registry. One of an earlier version, which
// has neither digest nor copy, gets them.
func TestDamagedRecordIsMended(t *testing.T) {
	keep := func(string) error { return nil }
	damages := map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"deleted":   os.Remove,
		"of another index": rewrite(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"ztoc":"sha256:`), []byte(`"ztoc":"sha256:0`), 1)
		}),
		"of another image": rewrite(func(b []byte) []byte { return bytes.Replace(b, []byte("/app"), []byte("/apq"), 1) }),
	}
	cases := map[string][2]func(path string) error{
		"earlier version": {rewrite(func(b []byte) []byte { b, _, _ = bytes.Cut(b, []byte("\n")); return b }), os.Remove},
	}
	for name, damage := range damages {
		cases["record "+name], cases["copy "+name] = [2]func(string) error{damage, keep}, [2]func(string) error{keep, damage}
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			root, srv := t.TempDir(), remotetest.New(t)
			img := push(t, srv, "app", "", 1)
			d := img.desc.Layers[0].Digest
			h := start(t, root, nil)
			h.mount(t, img, 0, "a")
			verify(t, h.dir(t, d), img.files[0])
			h.stop(t)
			paths := [2]string{}
			var before [2][]byte
			for i, name := range []string{"ref.json", "ref.json.copy"} {
				paths[i] = filepath.Join(root, "layers", d.Encoded(), name)
				var err error
				if before[i], err = os.ReadFile(paths[i]); err != nil {
					t.Fatal(err)
				}
			}
			for i, path := range paths {
				if err := damage[i](path); err != nil {
					t.Fatal(err)
				}
			}
			h = start(t, root, nil)
			if err := h.Restore(t.Context(), d, "a"); err != nil {
				t.Fatal(err)
			}
			verify(t, h.dir(t, d), img.files[0])
			for i, path := range paths {
				if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, before[i]) {
					t.Errorf("%s: %q, %v, want %q", filepath.Base(path), b, err, before[i])
				}
			}
		})
	}
}
