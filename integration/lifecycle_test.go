// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ready wants a container of ref that finds its files.
func (n *node) ready(namespace, ref string) {
	n.t.Helper()
	out, err := n.tryRun(namespace, ref)
	if err != nil {
		n.t.Fatal(err)
	}
	if !strings.Contains(out, "READY") {
		n.t.Errorf("the container printed %q", out)
	}
}

// removeImage removes an image and waits until containerd collected it.
func (n *node) removeImage(namespace, ref string) {
	n.t.Helper()
	n.ctr("-n", namespace, "image", "rm", "--sync", ref)
}

// leftovers are the layer directories and lazy mounts that spryd still has.
func (n *node) leftovers() []string {
	n.t.Helper()
	var out []string
	entries, err := os.ReadDir(filepath.Join(n.spryd.Root(), "layers"))
	if err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return append(out, n.lazyMounts()...)
}

// nothingLeft wants no leftovers.
func (n *node) nothingLeft() {
	n.t.Helper()
	if left := n.leftovers(); len(left) != 0 {
		n.t.Errorf("left after removal: %v", left)
	}
}

// An image that was removed is gone from the disk, and can be pulled again.
func TestRemoveAndPullAgain(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("small", smallImage(t))
	n := newNode(t, "2", "")
	for range 3 {
		n.pull(ref)
		n.ready("default", ref)
		n.removeImage("default", ref)
		if left := n.leftovers(); len(left) != 0 {
			t.Fatalf("left after removal: %v", left)
		}
	}
}

// Two images share their layers on disk, and removing one leaves the other.
func TestSharedLayers(t *testing.T) {
	r := newRegistry(t)
	a := r.convert("a", smallImage(t))
	b := r.convert("b", image(t, "busybox", "data", "other"))
	n := newNode(t, "2", "")
	n.pull(a)
	n.pull(b)
	if got := len(n.lazyMounts()); got != 4 {
		t.Errorf("%d lazy mounts for two images with two shared layers, want 4", got)
	}
	n.ready("default", a)
	n.ready("default", b)
	n.removeImage("default", a)
	if got := len(n.lazyMounts()); got != 3 {
		t.Errorf("%d lazy mounts after one image is gone, want 3", got)
	}
	n.ready("default", b)
}

// The same layer in another order of layers, and twice in one image.
func TestRepeatedLayer(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("twice", image(t, "other", "busybox", "data", "other"))
	n := newNode(t, "2", "")
	n.pull(ref)
	n.ready("default", ref)
}

// Two namespaces pull, run and remove the same image on their own.
func TestNamespaces(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("small", smallImage(t))
	n := newNode(t, "2", "")
	for _, ns := range []string{"one", "two"} {
		n.ctr("-n", ns, "image", "pull", "--plain-http", "--snapshotter", "spry", ref)
		n.ready(ns, ref)
	}
	if got := len(n.lazyMounts()); got != 3 {
		t.Errorf("%d lazy mounts for one image in two namespaces, want 3", got)
	}
	n.removeImage("one", ref)
	n.ready("two", ref)
	n.removeImage("two", ref)
	n.nothingLeft()
}

// After a stop, a crash and a reboot, images pulled before run, and new
// images can be pulled.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*node)
	}{
		{"stop", func(n *node) {
			if err := n.spryd.Stop(); err != nil {
				n.t.Fatal(err)
			}
		}},
		{"crash", func(n *node) { n.spryd.Kill() }},
		{"both crash", func(n *node) { n.ctd.Kill(); n.spryd.Kill() }},
		{"reboot", func(n *node) { n.ctd.Kill(); n.spryd.Kill(); n.forgetBoot() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			a, b := r.convert("a", smallImage(t)), r.convert("b", image(t, "busybox", "data", "other"))
			n := newNode(t, "2", "")
			n.pull(a)
			n.ready("default", a)
			c.end(n)
			if err := n.spryd.Start(n.ctx); err != nil {
				t.Fatal(err)
			}
			select {
			case <-n.ctd.Done():
				if err := n.ctd.Start(n.ctx); err != nil {
					t.Fatal(err)
				}
			default:
			}
			n.reconnected()
			n.ready("default", a)
			n.pull(b)
			n.ready("default", b)
			n.removeImage("default", a)
			n.removeImage("default", b)
			n.nothingLeft()
		})
	}
}

// forgetBoot makes the daemon's state look as if another boot had written
// it, and takes its mounts away as a reboot does.
func (n *node) forgetBoot() {
	n.t.Helper()
	for _, m := range n.mounts("fuse", "erofs") {
		n.unmount(m)
	}
	files, err := filepath.Glob(filepath.Join(n.spryd.Root(), "layers", "*", "spans"))
	if err != nil || len(files) == 0 {
		n.t.Fatalf("no span maps in the layers (%v)", err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			n.t.Fatal(err)
		}
		other := bytes.Replace(b, bytes.TrimSpace(boot), []byte("00000000-1111-2222-3333-444444444444"), 1)
		if bytes.Equal(b, other) {
			n.t.Fatalf("%s does not name its boot", f)
		}
		if err := os.WriteFile(f, other, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
}

// The daemon starts without the network and serves what is local: an image
// that had streamed in runs with the registry gone.
func TestRestartOffline(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("small", smallImage(t))
	n := newNode(t, "2", "")
	n.pull(ref)
	n.waitLocal()
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	n.spryd.Kill()
	if err := n.spryd.Start(n.ctx); err != nil {
		t.Fatal(err)
	}
	n.reconnected()
	n.ready("default", ref)
}
