// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/integration/testbed"
	"github.com/spryd/spry/service/status"
)

// The tree of every layer equals the tree that an unpack makes of it: names,
// types, modes, owners, times, extended attributes, links, contents. So it is
// while nothing but these reads fetches, when all is local but not proven,
// while the background fetches, and when the layer is a plain directory.
func TestLazyEqualsUnpacked(t *testing.T) {
	debian, err := testbed.DebianImage(testContext(t), tools.Cache, testbed.Python)
	if err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t)
	proxy := r.outage()
	for _, c := range []struct {
		name  string
		image testbed.Image
		span  string
		whole bool // reading all files reads all spans
		held  int  // the layer that is compared while it is fetched
	}{
		{"debian", debian, "1048576", false, 2},
		{"small", smallImage(t), "65536", true, 1},
		{"odd", image(t, "busybox", "odd"), "65536", true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.image.Cmd = nil // what it runs would be fetched ahead
			ref := r.convert(c.name, c.image, "--span-size", c.span, "--min-layer-size", "0", "--plain-http")
			var trees []tree
			for _, l := range c.image.Layers {
				trees = append(trees, tree{l, unpack(t, l)})
			}
			n := newNode(t, "2", lazily)
			n.pull(ref)
			for _, tr := range trees {
				tr.compareIn(n, "lazy")
			}
			n.compareMerged(ref, chain(c.image).String())
			if c.whole {
				if err := n.spryd.Stop(); err != nil {
					t.Fatal(err)
				}
				if err := n.spryd.Start(n.ctx); err != nil {
					t.Fatal(err)
				}
				for _, tr := range trees {
					tr.compareIn(n, "whole")
				}
			}
			n = newNode(t, "2", "")
			trees[c.held].compareFetching(n, ref, proxy)
			for _, tr := range trees {
				tr.compareIn(n, "plain")
			}
		})
	}
}

// tree is a layer and the directory that an unpack makes of it.
type tree struct {
	layer    testbed.Layer
	unpacked string
}

// compareIn waits until the layer is in that state, and compares what new
// containers would be shown.
func (tr tree) compareIn(n *node, state string) {
	n.t.Helper()
	n.eventually("state "+state, func() bool { return tr.status(n).State == state })
	tr.compare(n, state, n.lazyMount(tr.layer), timeless(tr.unpacked))
}

// chain is the chain id of an image.
func chain(im testbed.Image) digest.Digest {
	var diffIDs []digest.Digest
	for _, l := range im.Layers {
		diffIDs = append(diffIDs, l.DiffID)
	}
	return identity.ChainID(diffIDs)
}

// hidesNothing says whether the FUSE mount of the layer shows no opaque
// directories, as it is above no layer that has one of them.
func (tr tree) hidesNothing(n *node) bool {
	_, err := os.Stat(filepath.Join(n.spryd.Root(), "layers", tr.layer.Descriptor.Digest.Encoded(), "noxattrs"))
	return err == nil
}

// compareFetching pulls ref, and compares the layer while the background
// fetches it. The transfer is held until the walk has listed the root; the walk
// goes on when the background has fetched some of the layer, so that no
// read of the walk takes all of its place. Like a container, the walk keeps the
// FUSE mount that it began on when a plain directory takes its place.
func (tr tree) compareFetching(n *node, ref string, proxy *testbed.Outage) {
	n.t.Helper()
	proxy.SetFor(testbed.Stalled, tr.layer.Descriptor.Digest.String())
	defer proxy.Set(testbed.Healthy)
	n.pull(ref)
	n.eventually("background fetching", func() bool { return proxy.Waiting() > 0 })
	fd, err := unix.Open(n.lazyMount(tr.layer), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	root := fmt.Sprintf("/proc/self/fd/%d/", fd) // the slash follows the link
	released := false
	ignore := timeless(tr.unpacked)
	tr.compare(n, "fetching", root, func(rel string) bool {
		if rel != "." && !released {
			released = true
			tr.release(n, proxy)
		}
		return ignore(rel)
	})
	if lazy, err := testbed.OnLazy([]string{root}); !released || !lazy || err != nil {
		n.t.Errorf("compared while fetching: %t, lazy: %t, %v", released, lazy, err)
	}
}

// release wants the layer lazy, lets its transfer go on, and waits until the
// background has fetched some of it, before any read does.
func (tr tree) release(n *node, proxy *testbed.Outage) {
	n.t.Helper()
	held, before := tr.status(n), n.reads().Fetched
	if held.State != "lazy" || held.Missing == 0 {
		n.t.Errorf("held: state %q, %d bytes missing", held.State, held.Missing)
	}
	proxy.Set(testbed.Healthy)
	n.eventually("bytes from the background", func() bool {
		return tr.status(n).Missing < held.Missing && n.reads().Fetched["background"] > before["background"]
	})
	if demand := n.reads().Fetched["demand"]; demand != 0 {
		n.t.Errorf("%d bytes were fetched by reads", demand)
	}
}

// status is what the daemon says of the layer; the zero value if it is not there.
func (tr tree) status(n *node) status.Layer {
	r, err := status.Get(n.ctx, filepath.Join(filepath.Dir(n.spryd.Address()), "status.sock"))
	if err != nil {
		return status.Layer{}
	}
	for _, l := range r.Layers {
		if l.Digest == tr.layer.Descriptor.Digest.String() {
			return l
		}
	}
	return status.Layer{}
}

// compare compares the tree at root; what is walked first is root.
func (tr tree) compare(n *node, when, root string, ignoreMtime func(string) bool) {
	n.t.Helper()
	options := treetest.Options{IgnoreMtime: ignoreMtime}
	if when != "plain" && tr.hidesNothing(n) {
		options.IgnoreXattr = func(name string) bool { return name == "trusted.overlay.opaque" }
	}
	if diff := treetest.Compare(root, tr.unpacked, options); len(diff) != 0 {
		n.t.Errorf("%s: layer %s: %d differences:\n%s", when, tr.layer.Descriptor.Digest, len(diff), strings.Join(diff[:min(len(diff), 30)], "\n"))
	}
}

// timeless are the paths that an unpack gives the time of day: directories that
// no entry of these layers describes, and whiteouts.
func timeless(unpacked string) func(string) bool {
	return func(rel string) bool {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(unpacked, rel), &st); err != nil {
			return false
		}
		implied := rel == "." || strings.HasPrefix(rel, "odd/gnu-long") && st.Mode&unix.S_IFMT == unix.S_IFDIR
		return implied || st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
	}
}

// lazyMount is the mount point of a layer.
func (n *node) lazyMount(l testbed.Layer) string {
	n.t.Helper()
	for _, m := range n.lazyMounts() {
		if name := filepath.Base(m); len(name) >= 8 && strings.HasPrefix(l.Descriptor.Digest.Encoded(), name) {
			return m
		}
	}
	n.t.Fatalf("layer %s is not mounted; mounted are %v", l.Descriptor.Digest, n.lazyMounts())
	return ""
}

// unpack unpacks a layer as containerd does for overlayfs.
func unpack(t *testing.T, l testbed.Layer) string {
	t.Helper()
	f, err := os.Open(l.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := archive.Apply(context.Background(), dir, zr, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)); err != nil {
		t.Fatal(err)
	}
	return dir
}
