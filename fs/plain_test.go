// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc/toctest"
)

// waitState waits until layer d has come to that state.
func (h *host) waitState(t *testing.T, d digest.Digest, want string) spryfs.LayerStatus {
	t.Helper()
	var st spryfs.LayerStatus
	waitFor(t, func() bool {
		for _, st = range h.Layers() {
			if st.Layer == d && st.State.String() == want {
				return true
			}
		}
		return false
	})
	return st
}

// waitNoFUSE waits until nothing of layer d is served through FUSE.
func (h *host) waitNoFUSE(t *testing.T, d digest.Digest) {
	t.Helper()
	waitFor(t, func() bool {
		for _, st := range h.Layers() {
			if st.Layer == d {
				return !st.FUSE
			}
		}
		return false
	})
}

// applied is the layer as containerd unpacks it, and how to compare.
func applied(t *testing.T, tar []byte) (string, treetest.Options) {
	t.Helper()
	return treetest.Unpack(t, tar), treetest.Unpacked(toctest.Tree(t, tar))
}

// same fails if dir does not show what an unpack leaves.
func same(t *testing.T, state, unpacked, dir string, o treetest.Options) {
	t.Helper()
	for _, d := range treetest.Compare(unpacked, dir, o) {
		t.Errorf("%s: %s", state, d)
	}
}

// fsType is the type of the file system at path.
func fsType(t *testing.T, path string) string {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Type == unix.FUSE_SUPER_MAGIC || st.Type == unix.EROFS_SUPER_MAGIC_V1 {
		return "lazy"
	}
	return "disk"
}

// A layer is what an unpack leaves while it is lazy, while everything arrives,
// when it is plain, and after a restart in each of these states.
func TestEqualsUnpackedInEveryState(t *testing.T) {
	seed := uint64(5000)
	for name, tar := range treetest.OddLayers() {
		if name == "empty" {
			continue // has no spans of its own
		}
		seed++
		given(seed, remotetest.Gzip(t, tar), nil)
		of := seed
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unpacked, o := applied(t, tar)
			img := push(t, remotetest.New(t), "app", "", of)
			d := img.desc.Layers[0].Digest
			root := t.TempDir()
			h := start(t, root, nil)
			h.mount(t, img, 0, "a")
			same(t, "lazy", unpacked, h.dir(t, d), o)
			h.stop(t)
			h = start(t, root, background)
			if err := h.Restore(t.Context(), d, "a"); err != nil {
				t.Fatal(err)
			}
			same(t, "arriving", unpacked, h.dir(t, d), o)
			point := filepath.Join(root, "m", d.Encoded()[:10])
			st := h.waitState(t, d, "plain")
			if st.Err != nil {
				t.Fatal(st.Err)
			}
			h.waitNoFUSE(t, d)
			same(t, "plain", unpacked, h.dir(t, d), o)
			same(t, "plain where it was mounted", unpacked, point, o)
			if fsType(t, h.dir(t, d)) != "disk" || fsType(t, point) != "disk" {
				t.Error("a plain layer is served through FUSE")
			}
			h.stop(t)
			h = start(t, root, background)
			if err := h.Restore(t.Context(), d, "a"); err != nil {
				t.Fatal(err)
			}
			same(t, "plain after a restart", unpacked, h.dir(t, d), o)
			if shown, err := filepath.EvalSymlinks(point); err != nil || shown != h.dir(t, d) {
				t.Errorf("after a restart %s shows %q, error %v", point, shown, err)
			}
			if m := mounts(t, root); len(m) != 0 {
				t.Errorf("mounts of a plain layer: %v", m)
			}
		})
	}
}

// A container that runs while its layer becomes plain reads on through FUSE;
// the next one has none; with the first all that served it goes.
func TestBecomesPlainBelowAContainer(t *testing.T) {
	srv := remotetest.New(t)
	img := push(t, srv, "app", "", 11)
	d := img.desc.Layers[0].Digest
	srv.Rule(remotetest.Rule{Path: d.String(), Do: remotetest.Status(503)})
	h := start(t, t.TempDir(), background)
	h.mount(t, img, 0, "a")
	lazyDir := h.dir(t, d)
	first, unmountFirst := treetest.OverlayUntil(t, lazyDir)
	if fsType(t, lazyDir) != "lazy" {
		t.Fatal("not lazy")
	}
	srv.ClearRules()
	h.waitState(t, d, "plain")
	verify(t, first, img.files[0])
	second, unmountSecond := treetest.OverlayUntil(t, h.dir(t, d))
	verify(t, second, img.files[0])
	third, unmountThird := treetest.OverlayUntil(t, lazyDir) // as options say that were handed out before
	verify(t, third, img.files[0])
	if st := h.Layers()[0]; !st.FUSE {
		t.Error("nothing serves the first container")
	}
	unmountFirst()
	h.waitNoFUSE(t, d)
	verify(t, second, img.files[0])
	unmountSecond()
	unmountThird()
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(h.root, "*", "*"))
	if d := cmp.Diff([]string(nil), left); d != "" {
		t.Errorf("left behind: %s", d)
	}
	if m := mounts(t, h.root); len(m) != 0 {
		t.Errorf("mounts: %v", m)
	}
}

// leavePlain is an image, and the root of a host that stopped when its only
// layer was plain; seed makes the files differ.
func leavePlain(t *testing.T, seed uint64) (img *image, root string) {
	t.Helper()
	img, root = push(t, remotetest.New(t), "app", "", seed), t.TempDir()
	h := start(t, root, background)
	h.mount(t, img, 0, "a")
	h.waitState(t, img.desc.Layers[0].Digest, "plain")
	h.stop(t)
	return img, root
}

// A layer that an earlier version left whole is proven by fetching it again.
func TestWholeOfAnEarlierVersionIsProven(t *testing.T) {
	img, root := leavePlain(t, 12)
	d := img.desc.Layers[0].Digest
	seal := filepath.Join(root, "layers", d.Encoded(), "sealed")
	b, err := os.ReadFile(seal)
	if err != nil {
		t.Fatal(err)
	}
	layout, _, _ := strings.Cut(string(b), " ")
	if err := os.WriteFile(seal, []byte(layout+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rule := img.srv.Rule(remotetest.Rule{Path: d.String(), Do: remotetest.Status(503)})
	h := start(t, root, background)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return rule.Hits() > 0 })
	if st := h.Layers()[0]; st.State.String() == "plain" {
		t.Error("plain without a proof")
	}
	img.srv.ClearRules()
	h.waitState(t, d, "plain")
	verify(t, h.dir(t, d), img.files[0])
}

// What a process before stored of a layer that is not proven yet is compared with
// what the proof fetches: the disk may have changed it.
func TestStoredBytesAreCorrected(t *testing.T) {
	srv, root := remotetest.New(t), t.TempDir()
	img := push(t, srv, "app", "", 14)
	d := img.desc.Layers[0].Digest
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	verify(t, h.dir(t, d), img.files[0])
	waitFor(t, func() bool { return h.Layers()[0].MissingSpans == 0 })
	h.stop(t)
	flipped := 0
	for name, content := range img.files[0] {
		if len(content) > 100 {
			path := filepath.Join(root, "layers", d.Encoded(), "fs", name)
			if err := os.WriteFile(path, []byte(strings.ToUpper(content[:100])+content[100:]), 0o600); err != nil {
				t.Fatal(err)
			}
			flipped++
		}
	}
	if flipped == 0 {
		t.Fatal("nothing is damaged: the test does not test")
	}
	h = start(t, root, background)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	h.waitState(t, d, "plain")
	verify(t, h.dir(t, d), img.files[0])
}

// A plain layer needs no index any more.
func TestPlainNeedsNoIndex(t *testing.T) {
	img, root := leavePlain(t, 13)
	d := img.desc.Layers[0].Digest
	if err := os.Remove(filepath.Join(root, "layers", d.Encoded(), "index")); err != nil {
		t.Fatal(err)
	}
	h := start(t, root, background)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	verify(t, h.dir(t, d), img.files[0])
	if u, err := h.Usage(t.Context(), d); err != nil || u.Bytes <= 0 || u.Inodes < 60 {
		t.Errorf("usage %+v, error %v", u, err)
	}
}

// What is said to be used is what du says, in every state.
func TestUsageIsTrue(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 14)
	d := img.desc.Layers[0].Digest
	h := start(t, t.TempDir(), background)
	h.mount(t, img, 0, "a")
	h.waitState(t, d, "plain")
	u, err := h.Usage(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	_ = filepath.WalkDir(filepath.Join(h.root, "layers", d.Encoded()), func(path string, _ os.DirEntry, _ error) error {
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			bytes += st.Blocks * 512
		}
		return nil
	})
	if u.Bytes < bytes*95/100 || u.Bytes > bytes*105/100 {
		t.Errorf("usage %d bytes, on disk %d", u.Bytes, bytes)
	}
}

// What a plain layer decompresses to is known, also after a restart; part of it was
// read before the rest came.
func TestDiffIDOfPlainIsKnown(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 16)
	blob, _ := layer(t, 16, 60)
	zr, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	want, err := digest.FromReader(zr)
	if err != nil {
		t.Fatal(err)
	}
	d, root := img.desc.Layers[0].Digest, t.TempDir()
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	for path := range img.files[0] {
		if _, err := os.ReadFile(filepath.Join(h.dir(t, d), path)); err != nil {
			t.Fatal(err)
		}
		break
	}
	if got := h.DiffID(d); got != "" {
		t.Errorf("DiffID %s of a lazy layer", got)
	}
	h.stop(t)
	for range 2 {
		h = start(t, root, background)
		if err := h.Restore(t.Context(), d, "a"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return h.DiffID(d) != "" })
		if got := h.DiffID(d); got != want {
			t.Errorf("DiffID %s, want %s", got, want)
		}
		h.waitState(t, d, "plain")
		h.stop(t)
	}
}

// containerd does not say how large a layer is: the status knows it from the
// index, also when that is not needed any more.
func TestSizeOfPlainIsKnown(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 15)
	l := img.desc.Layers[0]
	root := t.TempDir()
	h := start(t, root, background)
	ref := img.layerRef(0)
	ref.Size = 0
	if err := h.Mount(t.Context(), ref, "a"); err != nil {
		t.Fatal(err)
	}
	h.waitState(t, l.Digest, "plain")
	h.waitNoFUSE(t, l.Digest)
	for range 2 {
		if st := h.waitState(t, l.Digest, "plain"); st.Size != l.Size {
			t.Errorf("size %d, want %d", st.Size, l.Size)
		}
		h.stop(t)
		h = start(t, root, background)
		if err := h.Restore(t.Context(), l.Digest, "a"); err != nil {
			t.Fatal(err)
		}
	}
}
