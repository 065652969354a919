// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const v1Config = "[index]\nv1 = true\n"

// Wherever an image comes from, what spry makes of it starts lazily.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name, config string
		// publish puts an indexed small image into the registry and gives its
		// reference.
		publish func(*testing.T, *registryFixture) string
	}{
		{"layout to registry", "", publishLayout},
		{"archive to registry", "", publishArchive},
		{"registry to layout", "", publishThroughLayout},
		{"convert in containerd", "", publishConverted},
		{"create in containerd", v1Config, publishCreated},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			ref := c.publish(t, r)
			n := newNode(t, "2", c.config)
			n.pull(ref)
			if got := len(n.lazyMounts()); got != 3 {
				t.Errorf("%d layers are lazy, want 3", got)
			}
			n.ready("default", ref)
		})
	}
}

// indexing is a command with the flags for small layers.
func indexing(command string, args ...string) []string {
	return append(append([]string{command}, smallSpans...), args...)
}

// layout writes the small image as an OCI layout without an index.
func layout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := smallImage(t).WriteLayout(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func publishLayout(t *testing.T, r *registryFixture) string {
	ref := r.host + "/layout:soci"
	spry(t, indexing("convert", "oci:"+layout(t)+":latest", "docker://"+ref)...)
	return ref
}

func publishArchive(t *testing.T, r *registryFixture) string {
	file := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(f)
	if err := errors.Join(tw.AddFS(os.DirFS(layout(t))), tw.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	ref := r.host + "/archive:soci"
	spry(t, indexing("convert", "oci-archive:"+file, "docker://"+ref)...)
	return ref
}

func publishThroughLayout(t *testing.T, r *registryFixture) string {
	dir := filepath.Join(t.TempDir(), "out")
	from := newRegistry(t) // another one, so that layers have to be pushed too
	spry(t, indexing("convert", "docker://"+from.push("small", smallImage(t)), "oci:"+dir+":soci")...)
	ref := r.host + "/through:soci"
	spry(t, "push", "--plain-http", "oci:"+dir+":soci", "docker://"+ref)
	return ref
}

// pulledInFull is a host that has a plain image, and the reference of that.
func pulledInFull(t *testing.T, r *registryFixture) (*node, string) {
	t.Helper()
	ref := r.push("small", smallImage(t))
	n := newNode(t, "2", "")
	n.ctr("image", "pull", "--plain-http", "--snapshotter", "overlayfs", ref)
	return n, ref
}

func publishConverted(t *testing.T, r *registryFixture) string {
	n, ref := pulledInFull(t, newRegistry(t))
	converted := r.host + "/converted:soci"
	n.spry(indexing("convert", ref, converted)...)
	n.spry("push", "--plain-http", converted)
	return converted
}

func publishCreated(t *testing.T, r *registryFixture) string {
	n, ref := pulledInFull(t, r)
	n.spry(indexing("create", ref)...)
	n.spry("push", "--plain-http", ref)
	return ref
}
