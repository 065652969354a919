// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/integration/testbed"
)

// An image that the reference implementation indexed starts lazily: layers
// with a ztoc are served from it, the others are unpacked beside them, and
// both layer by layer and merged the files are those of a full pull.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		folder string // of the OCI layout, in the golden files
		config string
		lazy   int
	}{
		{"a v2", "convert/a-v2", "", 3},
		{"a v2 with prefetch", "convert/a-v2-prefetch", "", 3},
		{"b v2", "convert/b-v2", "", 1},
		{"c v2", "convert/c-v2", "", 1},
		{"c v2 one platform", "convert/c-v2-default", "", 1},
		{"a v1", "images/a", v1Config, 3},
		{"b v1", "images/b", v1Config, 1},
		{"c v1", "images/c", v1Config, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := openGolden(t, c.folder)
			r := newRegistry(t)
			ref := r.host + "/golden:latest"
			var indexes []ocispec.Descriptor // v2 are part of the image
			if c.config == v1Config {
				indexes = g.v1
			}
			g.push(r.ctx, ref, indexes)
			n := newNode(t, "2", c.config)
			n.pull(ref)
			if got := len(n.lazyMounts()); got != c.lazy {
				t.Errorf("%d layers are lazy, want %d", got, c.lazy)
			}
			for _, desc := range g.lazyLayers(c.lazy) {
				n.compareGolden(g, desc)
			}
			n.compareMerged(ref, g.top().String())
		})
	}
}

// compareGolden compares a lazy layer with what an unpack makes of its blob.
func (n *node) compareGolden(g *golden, desc ocispec.Descriptor) {
	n.t.Helper()
	zr, err := compression.DecompressStream(bytes.NewReader(g.blobs[desc.Digest]))
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = zr.Close() }()
	unpacked := n.t.TempDir()
	if _, err := archive.Apply(n.ctx, unpacked, zr, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)); err != nil {
		n.t.Fatal(err)
	}
	z, _ := g.ztoc(desc.Digest)
	tree, err := toc.NewTree(z.Entries)
	if err != nil {
		n.t.Fatal(err)
	}
	lazy := n.lazyMount(testbed.Layer{Descriptor: desc})
	n.same("layer "+desc.Digest.String(), treetest.Compare(unpacked, lazy, treetest.Unpacked(tree)))
}

// compareMerged compares the files of an image with those that overlayfs
// shows after a pull in full.
func (n *node) compareMerged(ref, top string) {
	n.t.Helper()
	n.ctr("image", "pull", "--plain-http", "--snapshotter", "overlayfs", ref)
	full, lazy := n.view("overlayfs", top), n.view("spry", top)
	n.same("merged", treetest.Compare(full, lazy, treetest.Options{IgnoreNlink: true, IgnoreMtime: implied(full)}))
}

// implied are the directories that no entry of a layer describes: an unpack
// gives them the time of day, the golden files have times of long ago.
func implied(dir string) func(string) bool {
	made := time.Now().Add(-timeout)
	return func(rel string) bool {
		fi, err := os.Lstat(filepath.Join(dir, rel))
		return err == nil && fi.IsDir() && fi.ModTime().After(made)
	}
}

func (n *node) same(what string, diff []string) {
	n.t.Helper()
	if len(diff) != 0 {
		n.t.Errorf("%s: %d differences:\n%s", what, len(diff), strings.Join(diff[:min(len(diff), 30)], "\n"))
	}
}

// view mounts a snapshot to read, until the test ends.
func (n *node) view(snapshotter, snapshot string) string {
	n.t.Helper()
	c, err := client.New(n.ctd.Address(), client.WithDefaultNamespace("default"))
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// the label keeps the collection after the pull away from it
	keep := snapshots.WithLabels(map[string]string{"containerd.io/gc.root": "view"})
	mounts, err := c.SnapshotService(snapshotter).View(n.ctx, "view", snapshot, keep)
	if err != nil {
		n.t.Fatal(err)
	}
	dir := filepath.Join(n.dir, "view-"+snapshotter)
	if err := errors.Join(os.Mkdir(dir, 0o755), mount.All(mounts, dir)); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := mount.UnmountAll(dir, 0); err != nil {
			n.t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}
