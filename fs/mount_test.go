// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

func background(o *spryfs.Options) { o.Background = true }

func TestWholeTreeEqualsTheTar(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	for name, change := range map[string]func(*spryfs.Options){"on demand": nil, "with background": background} {
		t.Run(name, func(t *testing.T) {
			h := start(t, t.TempDir(), change)
			h.mount(t, img, 0, "a")
			dir := h.dir(t, img.desc.Layers[0].Digest)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() { verify(t, dir, img.files[0]) })
			}
			wg.Wait()
		})
	}
}

func TestBackgroundMakesLayersWhole(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1, 2)
	h := start(t, t.TempDir(), background)
	h.mount(t, img, 0, "a")
	h.mount(t, img, 1, "b")
	h.waitWhole(t)
	img.srv.Close()
	for i, l := range h.Layers() {
		if l.MissingSpans != 0 || l.MissingBytes != 0 {
			t.Errorf("layer %d: %+v", i, l)
		}
	}
	for i := range 2 {
		verify(t, h.dir(t, img.desc.Layers[i].Digest), img.files[i])
	}
	u, err := h.Usage(t.Context(), img.desc.Layers[0].Digest)
	if err != nil || u.Bytes < 500_000 || u.Inodes < 50 {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// The index and all ztocs are loaded when the first layer is mounted.
func TestLaterMountsAreLocal(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1, 2, 3)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	for _, z := range img.ztocs {
		waitFor(t, func() bool { return img.srv.Count("GET", z.Digest.String()) == 1 })
	}
	h.mount(t, img, 1, "b")
	h.mount(t, img, 2, "c")
	for _, z := range img.ztocs {
		if n := img.srv.Count("GET", z.Digest.String()); n != 1 {
			t.Errorf("ztoc %s was loaded %d times", z.Digest, n)
		}
	}
	if n := img.srv.Count("GET", img.index.String()); n != 1 {
		t.Errorf("the index was loaded %d times", n)
	}
	for i := range 3 {
		verify(t, h.dir(t, img.desc.Layers[i].Digest), img.files[i])
	}
}

func TestConcurrentMountsOfOneLayer(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if err := h.Mount(t.Context(), img.layerRef(0), strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if m := mounts(t, h.root); len(m) != 1 {
		t.Errorf("mounts: %v", m)
	}
	if n := img.srv.Count("GET", img.ztocs[0].Digest.String()); n != 1 {
		t.Errorf("ztoc loaded %d times", n)
	}
	if owners := h.Layers()[0].Owners; len(owners) != 10 {
		t.Errorf("owners: %v", owners)
	}
}

func TestCancelledMountPoisonsNobody(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	release := make(chan struct{})
	hits := img.srv.Rule(remotetest.Rule{Path: img.index.String(), Do: remotetest.Hold(release)})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- h.Mount(ctx, img.layerRef(0), "a") }()
	waitFor(t, func() bool { return hits.Hits() == 1 })
	go func() { second <- h.Mount(t.Context(), img.layerRef(0), "b") }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled mount: %v", err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the other mount: %v", err)
	}
	if d := cmp.Diff([]string{"b"}, h.Layers()[0].Owners); d != "" {
		t.Errorf("owners (-want +got):\n%s", d)
	}
}

func TestImagesShareALayer(t *testing.T) {
	srv := remotetest.New(t)
	one, two := push(t, srv, "one", "", 1, 2), push(t, srv, "two", "", 1, 3)
	h := start(t, t.TempDir(), nil)
	h.mount(t, one, 0, "a")
	h.mount(t, two, 0, "b")
	if m := mounts(t, h.root); len(m) != 1 {
		t.Fatalf("mounts: %v", m)
	}
	d := one.desc.Layers[0].Digest
	if got := h.Layers()[0]; len(got.Images) != 2 || len(got.Owners) != 2 {
		t.Errorf("status: %+v", got)
	}
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	// What the first image pulled from is gone; the second still has it.
	srv.Rule(remotetest.Rule{Path: "/one/", Do: remotetest.Status(404)})
	verify(t, h.dir(t, d), one.files[0])
}

// Another index for the same layer could present other files: its image does
// not get what the first index says.
func TestImagesWithOtherZtocsDoNotShare(t *testing.T) {
	srv := remotetest.New(t)
	one, two := push(t, srv, "one", "", 1), push(t, srv, "two", "other tool", 1)
	plain := srv.PushImage("plain", "latest", srv.Blob(one.desc.Layers[0].Digest))
	h := start(t, t.TempDir(), nil)
	h.mount(t, one, 0, "a")
	if err := h.Mount(t.Context(), two.layerRef(0), "b"); !errors.Is(err, index.ErrNotLazy) {
		t.Errorf("other ztoc: %v", err)
	}
	ref := index.LayerRef{Image: srv.Ref("plain", "latest"), Manifest: plain.Manifest.Digest, Layer: plain.Layers[0].Digest}
	if err := h.Mount(t.Context(), ref, "c"); !errors.Is(err, index.ErrNoIndex) {
		t.Errorf("image without index: %v", err)
	}
	if d := cmp.Diff([]string{"a"}, h.Layers()[0].Owners); d != "" {
		t.Errorf("owners (-want +got):\n%s", d)
	}
}

func TestMountErrors(t *testing.T) {
	tests := map[string]struct {
		change func(img *image, ref *index.LayerRef)
		want   error // nil: any
	}{
		"layer not in the index": {func(_ *image, ref *index.LayerRef) { ref.Layer = digest.FromString("x") }, index.ErrNotLazy},
		"other size":             {func(_ *image, ref *index.LayerRef) { ref.Size++ }, index.ErrNotLazy},
		"ztoc is gone":           {func(img *image, _ *index.LayerRef) { img.srv.DeleteBlob(img.ztocs[0].Digest) }, index.ErrNotLazy},
		"ztoc is corrupt": {func(img *image, _ *index.LayerRef) {
			img.srv.Rule(remotetest.Rule{Path: img.ztocs[0].Digest.String(), Do: remotetest.Corrupt(5000)})
		}, index.ErrNotLazy},
		"registry in trouble": {func(img *image, _ *index.LayerRef) {
			img.srv.Rule(remotetest.Rule{Path: "/", Do: remotetest.Status(503)})
		}, errdefs.ErrUnavailable},
		"bad digest": {func(_ *image, ref *index.LayerRef) { ref.Layer = "sha256:../../etc" }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			img := push(t, remotetest.New(t), "app", "", 1)
			h := start(t, t.TempDir(), nil)
			ref := img.layerRef(0)
			tt.change(img, &ref)
			err := h.Mount(t.Context(), ref, "a")
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if left, _ := filepath.Glob(filepath.Join(h.root, "*", "*")); len(left) != 0 || len(h.Layers()) != 0 {
				t.Errorf("left behind: %v, %v", left, h.Layers())
			}
			img.srv.ClearRules()
			img.srv.PushBlob(img.srv.Blob(img.ztocs[0].Digest))
			if name == "registry in trouble" || name == "ztoc is corrupt" {
				h.mount(t, img, 0, "a") // nothing of it was remembered
			}
		})
	}
}

func TestCorruptSpanIsAnErrorAndThenRecovers(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), func(o *spryfs.Options) { o.Deadline = 200 * time.Millisecond })
	h.mount(t, img, 0, "a")
	d := img.desc.Layers[0].Digest
	img.srv.Rule(remotetest.Rule{Path: d.String(), Range: "bytes=", Do: remotetest.Corrupt(7)})
	dir := h.dir(t, d)
	failed := 0
	for name, body := range img.files[0] {
		got, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, unix.EIO):
			failed++
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case string(got) != body:
			t.Errorf("%s: wrong bytes", name)
		}
	}
	if failed == 0 {
		t.Fatal("no read failed: the test does not test")
	}
	img.srv.ClearRules()
	verify(t, dir, img.files[0])
}

func TestReleaseRemovesEverything(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1, 2)
	h := start(t, t.TempDir(), background)
	d := img.desc.Layers[0].Digest
	h.mount(t, img, 0, "a")
	h.mount(t, img, 0, "b")
	h.mount(t, img, 1, "c")
	verify(t, h.dir(t, d), img.files[0])
	for _, owner := range []string{"stranger", "a", "a"} {
		if err := h.Release(t.Context(), d, owner); err != nil {
			t.Fatal(err)
		}
		verify(t, h.dir(t, d), img.files[0])
	}
	if err := h.Release(t.Context(), d, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Dir(d); !errdefs.IsNotFound(err) {
		t.Errorf("directory of a released layer: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(h.root, "*", d.Encoded()[:10]+"*")); len(left) != 0 {
		t.Errorf("left on disk: %v", left)
	}
	verify(t, h.dir(t, img.desc.Layers[1].Digest), img.files[1])
	h.mount(t, img, 0, "again")
	verify(t, h.dir(t, d), img.files[0])
}
