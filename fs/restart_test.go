// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestRestoreNeedsNoNetwork(t *testing.T) {
	root := t.TempDir()
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, root, background)
	h.mount(t, img, 0, "a")
	h.waitWhole(t)
	h.stop(t)
	img.srv.Close()

	d := img.desc.Layers[0].Digest
	h = start(t, root, background)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify(t, h.dir(t, d), img.files[0])
	// The image was accepted before: its next snapshot needs no network.
	h.mount(t, img, 0, "b")
	if d := cmp.Diff([]string{"a", "b"}, h.Layers()[0].Owners); d != "" {
		t.Errorf("owners (-want +got):\n%s", d)
	}
}

func TestRestoredLayerGoesOnFetching(t *testing.T) {
	root := t.TempDir()
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	d := img.desc.Layers[0].Digest
	for name := range img.files[0] {
		if _, err := os.ReadFile(filepath.Join(h.dir(t, d), name)); err != nil {
			t.Fatal(err)
		}
		break
	}
	h.stop(t)
	h = start(t, root, background)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	h.waitWhole(t)
	verify(t, h.dir(t, d), img.files[0])
}

func TestSweepKeepsOwnedLayersOnly(t *testing.T) {
	root := t.TempDir()
	img := push(t, remotetest.New(t), "app", "", 1, 2)
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	h.mount(t, img, 1, "b")
	h.stop(t)
	for _, rubbish := range []string{"layers/junk/fs", "layers/" + digest.FromString("x").Encoded() + "/fs", "m/deadbeef00"} {
		if err := os.MkdirAll(filepath.Join(root, rubbish), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h = start(t, root, nil)
	if err := h.Restore(t.Context(), img.desc.Layers[1].Digest, "b"); err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := filepath.Glob(filepath.Join(root, "*", "*"))
	hex := img.desc.Layers[1].Digest.Encoded()
	if d := cmp.Diff([]string{filepath.Join(root, "layers", hex), filepath.Join(root, "m", hex[:10])}, got); d != "" {
		t.Errorf("on disk (-want +got):\n%s", d)
	}
	verify(t, h.dir(t, img.desc.Layers[1].Digest), img.files[1])
}

func TestFailedRestoreKeepsTheLayerForLater(t *testing.T) {
	root, srv := t.TempDir(), remotetest.New(t)
	img := push(t, srv, "app", "", 1)
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	h.stop(t)
	d := img.desc.Layers[0].Digest
	index := filepath.Join(root, "layers", d.Encoded(), "index")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(index, 100); err != nil {
		t.Fatal(err)
	}
	// The registry has no index any more either, to heal the layer with.
	srv.Rule(remotetest.Rule{Path: img.ztocs[0].Digest.String(), Do: remotetest.Status(404)})

	h = start(t, root, nil)
	if err := h.Restore(t.Context(), d, "a"); err == nil {
		t.Fatal("a layer with half an index was restored")
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Dir(d); !errdefs.IsNotFound(err) {
		t.Errorf("directory of a broken layer: %v", err)
	}
	if got := h.Layers(); len(got) != 1 || got[0].Err == nil {
		t.Errorf("status: %+v", got)
	}
	if err := h.Check(t.Context(), d); err == nil {
		t.Error("a broken layer was found good")
	}
	if err := os.WriteFile(index, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Check(t.Context(), d); err != nil {
		t.Errorf("check of a repaired layer: %v", err)
	}
	verify(t, h.dir(t, d), img.files[0])
}

// With the network, a layer that cannot be restored is made anew for all its
// owners.
func TestMountHealsABrokenLayer(t *testing.T) {
	root := t.TempDir()
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, root, nil)
	h.mount(t, img, 0, "a")
	h.stop(t)
	d := img.desc.Layers[0].Digest
	if err := os.Remove(filepath.Join(root, "layers", d.Encoded(), "index")); err != nil {
		t.Fatal(err)
	}
	h = start(t, root, nil)
	if err := h.Restore(t.Context(), d, "a"); err == nil {
		t.Fatal("a layer without index was restored")
	}
	h.mount(t, img, 0, "b")
	verify(t, h.dir(t, d), img.files[0])
	if d := cmp.Diff([]string{"a", "b"}, h.Layers()[0].Owners); d != "" {
		t.Errorf("owners (-want +got):\n%s", d)
	}
}

func TestUnknownLayers(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	d := digest.FromString("x")
	if err := h.Restore(t.Context(), d, "a"); !errdefs.IsNotFound(err) {
		t.Errorf("restore: %v", err)
	}
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Errorf("release: %v", err)
	}
	if err := h.Check(t.Context(), d); !errdefs.IsNotFound(err) {
		t.Errorf("check: %v", err)
	}
	if _, err := h.Usage(t.Context(), d); !errdefs.IsNotFound(err) {
		t.Errorf("usage: %v", err)
	}
	if err := h.Restore(canceled(), "sha256:../..", "a"); err == nil {
		t.Error("restore of an impossible digest")
	}
}

func TestCheckMountsADeadLayerAgain(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	d := img.desc.Layers[0].Digest
	dir := h.dir(t, d)
	for range 2 {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if err := h.Check(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		verify(t, h.dir(t, d), img.files[0])
	}
	if m := mounts(t, h.root); len(m) != 1 {
		t.Errorf("mounts: %v", m)
	}
}

// Mounts that a killed process left are dead; they are detached at start.
func TestStaleMountsAreDetached(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a b")
	stale := filepath.Join(root, "m", "0123456789")
	if err := os.MkdirAll(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // one on the other
		fd, err := unix.Open("/dev/fuse", unix.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("x", stale, "fuse.spry", 0, "fd="+strconv.Itoa(fd)+",rootmode=40000,user_id=0,group_id=0"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
	}
	if m := mounts(t, root); len(m) != 2 {
		t.Fatalf("stale mounts: %v", m)
	}
	h := start(t, root, nil)
	if m := mounts(t, root); len(m) != 0 {
		t.Errorf("mounts: %v", m)
	}
	if _, err := os.Lstat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty directory stands for a layer: %v", err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	hits := img.srv.Rule(remotetest.Rule{Path: img.ztocs[0].Digest.String(), Do: remotetest.Stall(10)})
	done := make(chan error, 1)
	go func() { done <- h.Mount(context.Background(), img.layerRef(0), "a") }()
	waitFor(t, func() bool { return hits.Hits() > 0 })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("a mount outlived the file system")
	}
	if err := h.Mount(t.Context(), img.layerRef(0), "a"); !errors.Is(err, spryfs.ErrClosed) {
		t.Errorf("mount after close: %v", err)
	}
	if err := h.Sweep(t.Context()); err != nil && !errors.Is(err, spryfs.ErrClosed) {
		t.Errorf("sweep after close: %v", err)
	}
}
