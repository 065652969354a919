// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// shellImage is an image of two layers whose command is a script in the upper
// one; its interpreter is in the lower one, behind other files.
func shellImage(t *testing.T) *image {
	t.Helper()
	srv := remotetest.New(t)
	srv.Command = []string{"/run.sh"}
	filler := func(name string) remotetest.File { // no small directory, which would be fetched whole
		var b strings.Builder
		for i := 0; b.Len() < 8<<20; i++ {
			b.WriteString(string(rune('a'+i*i%23)) + string(rune('0'+i*7%9)))
		}
		return remotetest.File{Name: name, Body: b.String()}
	}
	given(70, remotetest.Gzip(t, remotetest.Tar(t, filler("a/1"), remotetest.File{Name: "bin/sh", Body: "#!/other\n"}, filler("z/1"))), nil)
	given(71, remotetest.Gzip(t, remotetest.Tar(t, filler("a/2"), remotetest.File{Name: "run.sh", Body: "#!/bin/sh\n"}, filler("z/2"))), nil)
	return push(t, srv, "app", "", 70, 71)
}

// fetched is how many spans of each layer are there.
func (h *host) fetched(img *image) []int {
	var n []int
	for _, desc := range img.desc.Layers {
		for _, l := range h.Layers() {
			if l.Layer == desc.Digest {
				n = append(n, l.Spans-l.MissingSpans)
			}
		}
	}
	return n
}

// release takes layer i from owner.
func (h *host) release(t *testing.T, img *image, i int, owner string) {
	t.Helper()
	if err := h.Release(t.Context(), img.desc.Layers[i].Digest, owner); err != nil {
		t.Fatal(err)
	}
}

// TestCommandIsFetched: what the image runs is there before anybody reads.
func TestCommandIsFetched(t *testing.T) {
	img := shellImage(t)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	h.mount(t, img, 1, "b")
	waitFor(t, func() bool { return slices.Equal(h.fetched(img), []int{1, 1}) })
	time.Sleep(20 * time.Millisecond)
	if n := h.fetched(img); !slices.Equal(n, []int{1, 1}) {
		t.Errorf("%v spans are there, want one of each layer", n)
	}
}

// TestCommandOfAnImageWithHalfItsLayers: containerd asks for no layer that it
// has already.
func TestCommandOfAnImageWithHalfItsLayers(t *testing.T) {
	img := shellImage(t)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 1, "b")
	waitFor(t, func() bool { return slices.Equal(h.fetched(img), []int{1}) })
}

// TestInterpreterIsFetched: a container that runs something else is followed, in
// a layer that was removed and came again too.
func TestInterpreterIsFetched(t *testing.T) {
	img := shellImage(t)
	img.srv.DeleteBlob(img.desc.Config.Digest)
	h := start(t, t.TempDir(), nil)
	for range 2 {
		h.mount(t, img, 0, "a")
		h.mount(t, img, 1, "b")
		if _, err := os.ReadFile(filepath.Join(h.dir(t, img.desc.Layers[1].Digest), "run.sh")); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return slices.Equal(h.fetched(img), []int{1, 1}) })
		h.release(t, img, 0, "a")
		h.release(t, img, 1, "b")
	}
}

// TestCommandIsLookedForOnce: an image without a configuration is not asked for
// it again by each of its layers.
func TestCommandIsLookedForOnce(t *testing.T) {
	img := shellImage(t)
	img.srv.DeleteBlob(img.desc.Config.Digest)
	h := start(t, t.TempDir(), nil)
	config := "/v2/app/blobs/" + img.desc.Config.Digest.String()
	h.mount(t, img, 0, "a")
	waitFor(t, func() bool { return img.srv.Count("GET", config) > 0 })
	time.Sleep(50 * time.Millisecond) // until that has failed
	asked := img.srv.Count("GET", config)
	h.mount(t, img, 1, "b")
	time.Sleep(50 * time.Millisecond)
	if n := img.srv.Count("GET", config); n != asked {
		t.Errorf("asked %d times, and %d times for another layer", asked, n-asked)
	}
}

// TestCloseEndsStarts: neither a layer nor the file system waits for a registry
// that answers no more.
func TestCloseEndsStarts(t *testing.T) {
	img := shellImage(t)
	h := start(t, t.TempDir(), func(o *spryfs.Options) { o.Deadline = time.Hour })
	script := img.srv.Rule(remotetest.Rule{Path: "/blobs/" + img.desc.Layers[1].Digest.String(), Do: remotetest.Stall(0)})
	h.mount(t, img, 0, "a")
	h.mount(t, img, 1, "b")
	waitFor(t, func() bool { return script.Hits() > 0 })
	h.release(t, img, 0, "a") // which the start has too, that waits for the other one
	if n := script.Hits(); n != 1 {
		t.Errorf("the registry was asked %d times before the layer was released", n)
	}
}

// TestSmallLayersAreLoadedAhead: layers that have to be unpacked are not
// fetched one after the other.
func TestSmallLayersAreLoadedAhead(t *testing.T) {
	srv := remotetest.New(t)
	img := push(t, srv, "app", "", 1)
	file := remotetest.File{Name: "only", Body: "a file"}
	small, large := remotetest.Tar(t, file), remotetest.Tar(t, file, remotetest.File{Name: "large", Body: strings.Repeat("x", 1<<20)})
	img.desc = srv.PushImageWith("app", "latest", map[string]string{index.AnnotationIndexDigest: img.index.String()},
		srv.Blob(img.desc.Layers[0].Digest), small, large)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	blob := func(i int) string { return "/v2/app/blobs/" + img.desc.Layers[i].Digest.String() }
	waitFor(t, func() bool { return srv.Count("GET", blob(1)) == 1 })
	for _, i := range []int{1, 2} { // the small and the large one
		dir := t.TempDir()
		got, err := h.Unpack(t.Context(), img.layerRef(i), dir, nil)
		if err != nil || got != img.desc.Layers[i].Digest {
			t.Errorf("layer %d: DiffID %s, %v", i, got, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "only")); string(b) != file.Body {
			t.Errorf("layer %d: %q, %v", i, b, err)
		}
		if n := srv.Count("GET", blob(i)); n != 1 {
			t.Errorf("layer %d was fetched %d times", i, n)
		}
	}
}

// TestCalm: memory is given back some seconds after the last layer changed.
func TestCalm(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	before := forced()
	h.mount(t, img, 0, "a")
	for deadline := time.Now().Add(time.Minute); forced() == before; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was given back within a minute")
		}
	}
}

// TestCommandInASmallLayer: a script in a layer that has no index, and is
// unpacked, is followed into those that have one.
func TestCommandInASmallLayer(t *testing.T) {
	srv := remotetest.New(t)
	srv.Command = []string{"/run.sh"}
	large := make([]byte, 8<<20)
	for i := range large {
		large[i] = byte(i * i % 251)
	}
	lower := remotetest.Tar(t, remotetest.File{Name: "a/1", Body: string(large)}, remotetest.File{Name: "bin/sh", Body: "#!/other\n"}, remotetest.File{Name: "z/1", Body: string(large)})
	given(72, remotetest.Gzip(t, lower), nil)
	given(73, remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "run.sh", Body: "#!/bin/sh\n"})), nil)
	img := pushIndexed(t, srv, "app", "", 1, 72, 73)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	waitFor(t, func() bool { return slices.Equal(h.fetched(img), []int{1}) })
}
