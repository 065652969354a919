// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/integration/testbed"
)

// The lazy tree of every layer equals the tree that an unpack makes of it:
// names, types, modes, owners, times, extended attributes, links, contents.
func TestLazyEqualsUnpacked(t *testing.T) {
	debian, err := testbed.DebianImage(testContext(t), tools.Cache, testbed.Python)
	if err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t)
	for _, c := range []struct {
		name  string
		image testbed.Image
	}{
		{"debian", debian},
		{"small", smallImage(t)},
		{"odd", image(t, "busybox", "odd")},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref := r.convert(c.name, c.image)
			n := newNode(t, "2", "")
			n.pull(ref)
			for _, l := range c.image.Layers {
				lazy := n.lazyMount(l)
				want := unpack(t, l)
				if diff := treetest.Compare(want, lazy, treetest.Options{IgnoreMtime: timeless(want)}); len(diff) != 0 {
					t.Errorf("layer %s: %d differences:\n%s", l.Descriptor.Digest, len(diff), strings.Join(diff[:min(len(diff), 30)], "\n"))
				}
			}
		})
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
