// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// capped keeps layers without owners below n bytes.
func capped(n int64) func(*spryfs.Options) {
	return func(o *spryfs.Options) { background(o); o.MaxBytes = n }
}

// onDisk are the layers of img that are on disk, by number.
func (h *host) onDisk(img *image) []int {
	var list []int
	for i, l := range img.desc.Layers {
		if _, err := os.Stat(filepath.Join(h.root, "layers", l.Digest.Encoded(), "ref.json")); err == nil {
			list = append(list, i)
		}
	}
	return list
}

// use mounts layer i, waits until it is plain, and releases it.
func (h *host) use(t *testing.T, img *image, i int) {
	t.Helper()
	d := img.desc.Layers[i].Digest
	h.mount(t, img, i, "a")
	h.waitState(t, d, "plain")
	verify(t, h.dir(t, d), img.files[i])
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
}

func TestKeptLayersAreLocal(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 31)
	root := t.TempDir()
	h := start(t, root, capped(1<<30))
	h.use(t, img, 0)
	if m := mounts(t, root); len(m) != 0 || len(h.Layers()) != 0 {
		t.Errorf("mounts %v, layers %v", m, h.Layers())
	}
	img.srv.Close()
	h.use(t, img, 0)
	h.stop(t)
	h = start(t, root, capped(1<<30))
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.use(t, img, 0)
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 32, 33, 34)
	root := t.TempDir()
	h := start(t, root, background)
	h.mount(t, img, 0, "a")
	h.waitState(t, img.desc.Layers[0].Digest, "plain")
	one, err := h.Usage(t.Context(), img.desc.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	h.stop(t)
	h = start(t, root, capped(one.Bytes*5/2)) // layers are about equal: two fit
	h.use(t, img, 0)
	h.use(t, img, 1)
	h.use(t, img, 0)
	h.use(t, img, 2)
	if d := cmp.Diff([]int{0, 2}, h.onDisk(img)); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	h.stop(t)
	h = start(t, root, capped(1))
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.onDisk(img); len(got) != 0 {
		t.Errorf("above the cap: %v", got)
	}
}

func TestOwnedLayersStayAboveTheCap(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 35, 36)
	h := start(t, t.TempDir(), capped(1))
	h.mount(t, img, 0, "owner")
	h.waitState(t, img.desc.Layers[0].Digest, "plain")
	h.use(t, img, 1)
	if d := cmp.Diff([]int{0}, h.onDisk(img)); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
}
