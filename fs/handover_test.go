// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/session/sessiontest"
)

// succeed starts a host that has a keeper, with what its predecessor left.
func succeed(t *testing.T, root string, k *sessiontest.Keeper, grace time.Duration) *host {
	t.Helper()
	return succeedWith(t, root, k, grace, session.Options{ReadsOwn: true})
}

func succeedWith(t *testing.T, root string, k *sessiontest.Keeper, grace time.Duration, so session.Options, change ...func(*spryfs.Options)) *host {
	t.Helper()
	so.UnmountGrace, so.Keeper, so.Inherited = 50*time.Millisecond, k, k.Inherit(t)
	loop, err := session.New(so)
	if err != nil {
		t.Fatal(err)
	}
	var unused *session.Loop
	h := start(t, root, func(o *spryfs.Options) {
		unused, o.Session = o.Session, loop
		o.Background, o.MountGrace = true, grace
		for _, c := range change {
			c(o)
		}
	})
	if err := unused.Close(); err != nil {
		t.Fatal(err)
	}
	h.loop = loop
	return h
}

// leave ends a host as one that a successor follows.
func (h *host) leave(t *testing.T) {
	t.Helper()
	h.loop.Leave()
	for _, c := range []interface{ Close() error }{h.FileSystem, h.loop} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// mountOf identifies the mount at path for ever.
func mountOf(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID|unix.STATX_MNT_ID_UNIQUE, &st); err != nil {
		t.Fatal(err)
	}
	return st.Mnt_id
}

// What stands for a layer stays mounted when servers follow each other:
// somebody may be mounting it. A mount that goes meanwhile is EINVAL for
// overlayfs, and the directory below it would be an empty layer.
func TestMountsStayWhenServersChange(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration // of the first server
		shows string        // when the layer is plain
	}{
		{"the mount of a layer that just became plain", time.Hour, "lazy"},
		{"the plain directory", time.Millisecond, "disk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, k := t.TempDir(), sessiontest.NewKeeper(t)
			srv := remotetest.New(t)
			img := push(t, srv, "app", "", 11)
			d := img.desc.Layers[0].Digest
			rule := remotetest.Rule{Path: d.String(), Do: remotetest.Status(503)}
			srv.Rule(rule)
			h := succeed(t, root, k, c.grace)
			h.mount(t, img, 0, "a")
			container, unmount := treetest.OverlayUntil(t, h.dir(t, d))
			point := filepath.Join(root, "m", d.Encoded()[:10])
			srv.ClearRules()
			h.waitState(t, d, "plain")
			waitFor(t, func() bool { return fsType(t, point) == c.shows })
			was := mountOf(t, point)
			for range 3 {
				h.leave(t)
				if mountOf(t, point) != was {
					t.Fatal("its mount went with the server")
				}
				h = succeed(t, root, k, time.Hour)
				if err := h.Restore(t.Context(), d, "a"); err != nil {
					t.Fatal(err)
				}
				if err := h.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				h.Settle()
				if mountOf(t, point) != was {
					t.Fatal("the next server mounted it anew")
				}
				verify(t, point, img.files[0])
				verify(t, container, img.files[0])
			}
			unmount()
			if err := h.Release(t.Context(), d, "a"); err != nil {
				t.Error(err)
			}
			if n := k.Len(); n != 0 {
				t.Errorf("the keeper still has %d sessions", n)
			}
		})
	}
}

// A server takes over a mount of which the kernel knows nothing yet, not even
// the attributes of its root: it may not ask, since nobody answers before it does.
func TestUntouchedMountIsTakenOver(t *testing.T) {
	root, k := t.TempDir(), sessiontest.NewKeeper(t)
	srv := remotetest.New(t)
	img := push(t, srv, "app", "", 11)
	d := img.desc.Layers[0].Digest
	srv.Rule(remotetest.Rule{Path: d.String(), Do: remotetest.Status(503)}) // it stays lazy
	h := succeedWith(t, root, k, time.Hour, session.Options{})
	h.mount(t, img, 0, "a")
	point := filepath.Join(root, "m", d.Encoded()[:10])
	was := mountOf(t, point)
	h.leave(t)
	h = succeed(t, root, k, time.Hour)
	restored := make(chan error, 1)
	go func() { restored <- h.Restore(t.Context(), d, "a") }()
	select {
	case err := <-restored:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server waits for itself")
	}
	if mountOf(t, point) != was {
		t.Error("it mounted the layer anew")
	}
	srv.ClearRules()
	for name, want := range img.files[0] {
		// In a process of its own: see session.Options.ReadsOwn.
		if got, err := exec.Command("cat", filepath.Join(point, name)).Output(); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
	if err := h.Release(t.Context(), d, "a"); err != nil {
		t.Error(err)
	}
}
