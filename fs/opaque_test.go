// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// throughFUSE shows layers through FUSE alone.
func throughFUSE(o *spryfs.Options) { o.Background, o.Erofs = false, false }

// opaqueHost has one layer mounted whose directory new hides the one below it.
func opaqueHost(t *testing.T, more ...remotetest.File) (*host, *image) {
	t.Helper()
	const seed = 1021
	files := append([]remotetest.File{{Name: "new/"}, {Name: "new/.wh..wh..opq"}, {Name: "new/mine", Body: "mine"}}, more...)
	given(seed, remotetest.Gzip(t, remotetest.Tar(t, files...)), nil)
	img := push(t, remotetest.New(t), "app", "", seed)
	h := start(t, t.TempDir(), throughFUSE)
	h.mount(t, img, 0, "a")
	return h, img
}

// lower is a directory to be below a layer: with the directory that it hides, or
// without.
func lower(t *testing.T, with bool) []index.Lower {
	t.Helper()
	dir := t.TempDir()
	if with {
		if err := os.MkdirAll(filepath.Join(dir, "new/below"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return []index.Lower{{Dir: dir}}
}

// shows says whether the kernel is told of an opaque directory.
func shows(t *testing.T, h *host, img *image) bool {
	t.Helper()
	b := make([]byte, 8)
	n, err := unix.Lgetxattr(filepath.Join(h.dir(t, img.desc.Layers[0].Digest), "new"), "trusted.overlay.opaque", b)
	switch {
	case err == nil && string(b[:n]) == "y":
		return true
	case errors.Is(err, unix.EOPNOTSUPP):
		return false
	}
	t.Fatalf("%q, %v", b, err)
	return false
}

// merged lists what overlayfs shows of the directory above lowers.
func merged(t *testing.T, h *host, img *image, lowers []index.Lower) string {
	t.Helper()
	at := t.TempDir()
	dirs := h.dir(t, img.desc.Layers[0].Digest) + ":" + lowers[0].Dir
	if err := unix.Mount("overlay", at, "overlay", unix.MS_RDONLY, "lowerdir="+dirs); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Error(err)
		}
	}()
	entries, err := os.ReadDir(filepath.Join(at, "new"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestNothingToHide: a layer that hides nothing of what is below it has no
// extended attributes for the kernel, in the next process either. It does not get above what it
// would have to hide.
func TestNothingToHide(t *testing.T) {
	h, img := opaqueHost(t)
	d := img.desc.Layers[0].Digest
	if !shows(t, h, img) {
		t.Error("hidden before anything is known of the layers below")
	}
	without, with := lower(t, false), lower(t, true)
	for range 2 {
		checkReason(t, h.Fits(t.Context(), d, without), "")
		if shows(t, h, img) {
			t.Error("shown above a layer without that directory")
		}
		if got := merged(t, h, img, without); got != "mine" {
			t.Errorf("overlayfs shows %q", got)
		}
		checkReason(t, h.Fits(t.Context(), d, with), "but directory /new is below")
		checkReason(t, h.FitsAny(t.Context(), d), "but it is not known what is below")
		h.stop(t)
		h = start(t, h.root, throughFUSE)
		if err := h.Restore(t.Context(), d, "a"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHiddenStaysAfterDamage: what is hidden from the kernel is remembered when
// the layer has to be made anew, as a mount of before may be taken over.
func TestHiddenStaysAfterDamage(t *testing.T) {
	h, img := opaqueHost(t)
	d := img.desc.Layers[0].Digest
	checkReason(t, h.Fits(t.Context(), d, lower(t, false)), "")
	h.stop(t)
	if err := os.Remove(h.indexFile(d)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h = start(t, h.root, throughFUSE)
		_ = h.Restore(t.Context(), d, "a") // the first time it fails
		h.mount(t, img, 0, "b")
		checkReason(t, h.Fits(t.Context(), d, lower(t, true)), "but directory /new is below")
		h.stop(t)
	}
}

// TestSomethingToHide: what was shown once stays so, whatever is below later.
func TestSomethingToHide(t *testing.T) {
	without, with := lower(t, false), lower(t, true)
	for name, first := range map[string]func(*host, *image) error{
		"above such a directory": func(h *host, img *image) error { return h.Fits(t.Context(), img.desc.Layers[0].Digest, with) },
		"above anything":         func(h *host, img *image) error { return h.FitsAny(t.Context(), img.desc.Layers[0].Digest) },
		"restored": func(h *host, img *image) error {
			h.stop(t)
			*h = *start(t, h.root, throughFUSE)
			return h.Restore(t.Context(), img.desc.Layers[0].Digest, "a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, img := opaqueHost(t)
			checkReason(t, first(h, img), "")
			for _, lowers := range [][]index.Lower{without, with, without} {
				checkReason(t, h.Fits(t.Context(), img.desc.Layers[0].Digest, lowers), "")
				if !shows(t, h, img) {
					t.Error("hidden")
				}
				if got := merged(t, h, img, lowers); got != "mine" {
					t.Errorf("overlayfs shows %q", got)
				}
			}
		})
	}
}

// TestOtherAttributesAreShown: no attribute but that of opaque directories is
// ever hidden.
func TestOtherAttributesAreShown(t *testing.T) {
	h, img := opaqueHost(t, remotetest.File{Name: "file", Xattrs: map[string]string{"user.a": "b"}})
	for range 2 {
		checkReason(t, h.Fits(t.Context(), img.desc.Layers[0].Digest, lower(t, false)), "")
		if !shows(t, h, img) {
			t.Error("hidden")
		}
	}
}
