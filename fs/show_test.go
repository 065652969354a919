// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/session/sessiontest"
)

// needErofs skips a test where layers cannot be EROFS images.
func needErofs(t *testing.T) {
	t.Helper()
	if !erofsWorks() {
		t.Skip("this kernel shows no layers as EROFS images, or SPRY_FUSE is set")
	}
}

// isErofs says how a layer is shown.
func isErofs(t *testing.T, dir string) bool {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Type == unix.EROFS_SUPER_MAGIC_V1
}

// A layer of small files is an EROFS image of which nothing is on disk but what Usage
// counts; one of large files is not, as the kernel reads these on its own through FUSE.
func TestShownAsErofs(t *testing.T) {
	needErofs(t)
	srv := remotetest.New(t)
	given(1301, remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "large", Body: strings.Repeat("a few words ", 30_000)})), nil)
	for seed, want := range map[uint64]bool{1: true, 1301: false} {
		usage := map[bool]int64{}
		for _, on := range []bool{true, false} {
			h := start(t, t.TempDir(), func(o *spryfs.Options) {
				o.Erofs = on
				if _, err := o.Session.Probe(o.Root); err != nil {
					t.Fatal(err)
				}
			})
			img := push(t, srv, "app", "", seed)
			h.mount(t, img, 0, "a")
			d := img.desc.Layers[0].Digest
			if got := isErofs(t, h.dir(t, d)); got != (want && on) {
				t.Errorf("layer %d with Erofs %t: EROFS image %t", seed, on, got)
			}
			as := map[bool]string{true: "erofs", false: "fuse"}[on]
			if !want {
				as = "passthrough"
			}
			if st := h.Layers(); len(st) != 1 || st[0].Shown != as {
				t.Errorf("layer %d with Erofs %t is said to be shown as %s, want %s", seed, on, st[0].Shown, as)
			}
			u, err := h.Usage(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			usage[on] = u.Bytes
			if left, _ := filepath.Glob(filepath.Join(h.root, "layers", "*", "erofs")); len(left) != 0 {
				t.Errorf("left of mounting: %v", left)
			}
			if err := h.Release(t.Context(), d, "a"); err != nil {
				t.Fatal(err)
			}
		}
		if image := usage[true] - usage[false]; (image > 0) != want {
			t.Errorf("layer %d: %d bytes more as EROFS image", seed, image)
		}
	}
}

// A layer whose image cannot be mounted is shown through FUSE alone.
func TestErofsFails(t *testing.T) {
	needErofs(t)
	img := push(t, remotetest.New(t), "app", "", 1)
	d := img.desc.Layers[0].Digest
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	h.stop(t)
	image := filepath.Join(h.root, "layers", d.Encoded(), "erofs", "in the way")
	if err := os.MkdirAll(image, 0o700); err != nil {
		t.Fatal(err)
	}
	h = start(t, h.root, nil)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	if isErofs(t, h.dir(t, d)) || h.Layers()[0].Shown != "fuse" {
		t.Errorf("shown as %s", h.Layers()[0].Shown)
	}
	verify(t, h.dir(t, d), img.files[0])
}

// What is shown stays as it is when servers follow each other, whatever the next one prefers.
func TestFormStaysWhenServersChange(t *testing.T) {
	needErofs(t)
	for _, first := range []bool{true, false} {
		root, k := t.TempDir(), sessiontest.NewKeeper(t)
		srv := remotetest.New(t)
		img := push(t, srv, "app", "", 11)
		d := img.desc.Layers[0].Digest
		srv.Rule(remotetest.Rule{Path: d.String(), Do: remotetest.Status(503)}) // it stays lazy
		h := succeedAs(t, root, k, first)
		h.mount(t, img, 0, "a")
		container, unmount := treetest.OverlayUntil(t, h.dir(t, d))
		was := mountOf(t, h.dir(t, d))
		h.leave(t)
		left := filepath.Join(root, "layers", d.Encoded(), "erofs") // if it was killed while it mounted
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h = succeedAs(t, root, k, !first)
		if err := h.Restore(t.Context(), d, "a"); err != nil {
			t.Fatal(err)
		}
		h.Settle()
		if mountOf(t, h.dir(t, d)) != was || isErofs(t, h.dir(t, d)) != first {
			t.Errorf("EROFS %t: mounted anew", first)
		}
		if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("EROFS %t: an image that was being mounted is left: %v", first, err)
		}
		srv.ClearRules()
		verify(t, container, img.files[0])
		unmount()
		if err := h.Release(t.Context(), d, "a"); err != nil {
			t.Error(err)
		}
		if n := k.Len(); n != 0 {
			t.Errorf("the keeper still has %d sessions", n)
		}
	}
}

// succeedAs is succeed with or without EROFS images.
func succeedAs(t *testing.T, root string, k *sessiontest.Keeper, erofs bool) *host {
	t.Helper()
	return succeedWith(t, root, k, time.Hour, session.Options{ReadsOwn: true}, func(o *spryfs.Options) { o.Erofs = erofs })
}

// An EROFS image shows opaque directories also where FUSE hid them, as nothing was below:
// the kernel asks nobody for them. So any layers may be below.
func TestErofsHidesNothing(t *testing.T) {
	needErofs(t)
	h, img := opaqueHost(t)
	d := img.desc.Layers[0].Digest
	checkReason(t, h.Fits(t.Context(), d, lower(t, false)), "")
	hidden := filepath.Join(h.root, "layers", d.Encoded(), "noxattrs")
	if _, err := os.Lstat(hidden); err != nil {
		t.Fatal(err)
	}
	h.stop(t)
	h = start(t, h.root, nil)
	if err := h.Restore(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	if !isErofs(t, h.dir(t, d)) {
		t.Fatal("no EROFS image")
	}
	for _, with := range []bool{true, false} {
		below := lower(t, with)
		checkReason(t, h.Fits(t.Context(), d, below), "")
		if got := merged(t, h, img, below); got != "mine" {
			t.Errorf("overlayfs shows %q", got)
		}
	}
	if _, err := os.Lstat(hidden); err == nil {
		t.Error("through FUSE they would be hidden above what they hide")
	}
}

// That EROFS works is found out once a boot.
func TestTryErofs(t *testing.T) {
	needErofs(t)
	root := t.TempDir()
	loop, err := session.New(session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	}()
	known := filepath.Join(root, "erofs")
	var boot string
	for _, of := range []string{"", "another boot", "this boot"} {
		if of == "another boot" {
			if err := os.WriteFile(known, []byte(of), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := spryfs.TryErofs(loop, root); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(known)
		if err != nil || boot != "" && string(b) != boot {
			t.Errorf("%q is noted after %q: %v", b, of, err)
		}
		boot = string(b)
		if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
			t.Errorf("left: %v, %v", entries, err)
		}
		if m := mounts(t, root); len(m) != 0 {
			t.Errorf("mounts left: %v", m)
		}
	}
	if err := spryfs.TryErofs(loop, filepath.Join(root, "missing")); err == nil {
		t.Error("works in a directory that is not there")
	}
}
