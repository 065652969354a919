// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// golden is an image of the golden files with what belongs to it.
type golden struct {
	t        *testing.T
	root     ocispec.Descriptor // its index or manifest
	manifest ocispec.Manifest   // of linux/amd64
	blobs    map[digest.Digest][]byte
	v1       []ocispec.Descriptor // indexes that are not below root
}

// openGolden reads an OCI layout of the golden files; those of converted
// images lack the layers, which are those of the image, and the ztocs.
func openGolden(t *testing.T, folder string) *golden {
	t.Helper()
	files := ztoctest.FindGolden(t)
	dir := filepath.Join(string(files), folder)
	g := &golden{t: t, blobs: map[digest.Digest][]byte{}}
	image, _, _ := strings.Cut(filepath.Base(folder), "-")
	g.read(filepath.Join(string(files), "images", image, "blobs", "sha256", "*"))
	g.read(filepath.Join(dir, "blobs", "sha256", "*"))
	g.readV1(filepath.Join(string(files), "index-v1", "*.json"))
	for _, c := range files.Cases(t) {
		if c.SpanSize == 65536 && c.BuildError == "" {
			g.blobs[digest.Digest(c.ZtocDigest)] = files.Ztoc(t, c)
		}
	}
	g.blobs[ocispec.DescriptorEmptyJSON.Digest] = ocispec.DescriptorEmptyJSON.Data // the config of a v1 index
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var layout ocispec.Index
	if err := json.Unmarshal(b, &layout); err != nil || len(layout.Manifests) != 1 {
		t.Fatalf("%s: %d images, want 1: %v", dir, len(layout.Manifests), err)
	}
	g.root = layout.Manifests[0]
	g.manifest = g.amd64()
	return g
}

// read reads the files that match a pattern as blobs and gives their digests.
func (g *golden) read(pattern string) (all []digest.Digest) {
	g.t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		g.t.Fatalf("no file is %s: %v", pattern, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			g.t.Fatal(err)
		}
		dgst := digest.FromBytes(b)
		g.blobs[dgst], all = b, append(all, dgst)
	}
	return all
}

// readV1 reads the v1 indexes of the image's manifests.
func (g *golden) readV1(pattern string) {
	g.t.Helper()
	for _, dgst := range g.read(pattern) {
		var ix ocispec.Manifest
		g.parse(dgst, &ix)
		if _, ok := g.blobs[ix.Subject.Digest]; ok {
			g.v1 = append(g.v1, ocispec.Descriptor{MediaType: ix.MediaType, Digest: dgst, Size: int64(len(g.blobs[dgst]))})
		}
	}
}

// parse reads a blob as JSON.
func (g *golden) parse(dgst digest.Digest, v any) {
	g.t.Helper()
	if err := json.Unmarshal(g.blobs[dgst], v); err != nil {
		g.t.Fatalf("blob %s: %v", dgst, err)
	}
}

func (g *golden) amd64() (m ocispec.Manifest) {
	g.t.Helper()
	at := g.root.Digest
	if images.IsIndexType(g.root.MediaType) {
		var list ocispec.Index
		g.parse(at, &list)
		at = ""
		for _, d := range list.Manifests {
			if d.Platform.Architecture == "amd64" && d.ArtifactType == "" {
				at = d.Digest
			}
		}
	}
	g.parse(at, &m)
	return m
}

// lazyLayers are the layers of the image that have a ztoc; want says how many.
func (g *golden) lazyLayers(want int) (out []ocispec.Descriptor) {
	g.t.Helper()
	for _, l := range g.manifest.Layers {
		if _, ok := g.ztoc(l.Digest); ok {
			out = append(out, l)
		}
	}
	if len(out) != want {
		g.t.Fatalf("the indexes name %d layers of the image, want %d", len(out), want)
	}
	return out
}

// ztoc finds the ztoc of a layer in the indexes.
func (g *golden) ztoc(layer digest.Digest) (*ztoc.Ztoc, bool) {
	g.t.Helper()
	for dgst, b := range g.blobs {
		var ix ocispec.Manifest
		if !bytes.Contains(b, []byte(layer)) || json.Unmarshal(b, &ix) != nil || !strings.Contains(ix.Config.MediaType, "soci") {
			continue
		}
		for _, d := range ix.Layers {
			if d.Annotations["com.amazon.soci.image-layer-digest"] != layer.String() || d.MediaType != "application/octet-stream" {
				continue
			}
			z, err := ztoc.Decode(g.blobs[d.Digest])
			if err != nil {
				g.t.Fatalf("ztoc %s in index %s: %v", d.Digest, dgst, err)
			}
			return z, true
		}
	}
	return nil, false
}

// top is the chain id of the image's uppermost layer.
func (g *golden) top() digest.Digest {
	g.t.Helper()
	var config ocispec.Image
	g.parse(g.manifest.Config.Digest, &config)
	return identity.ChainID(config.RootFS.DiffIDs)
}

// push pushes the image, as ref, and the given indexes of it.
func (g *golden) push(ctx context.Context, ref string, indexes []ocispec.Descriptor) {
	g.t.Helper()
	reg := remote.New(remote.Options{Hosts: remote.Hosts(remote.HostOptions{})})
	defer func() { _ = reg.Close() }()
	for _, desc := range append([]ocispec.Descriptor{g.root}, indexes...) {
		for _, d := range g.below(desc) {
			b, ok := g.blobs[d.Digest]
			if !ok {
				g.t.Fatalf("the golden files lack blob %s", d.Digest)
			}
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
			if err := reg.Push(ctx, ref, d, open); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	if err := reg.Tag(ctx, ref, g.root, g.blobs[g.root.Digest]); err != nil {
		g.t.Fatal(err)
	}
}

// below lists what desc names, and last desc.
func (g *golden) below(desc ocispec.Descriptor) (out []ocispec.Descriptor) {
	g.t.Helper()
	if images.IsIndexType(desc.MediaType) || images.IsManifestType(desc.MediaType) {
		var names struct {
			Manifests, Layers []ocispec.Descriptor
			Config            *ocispec.Descriptor
		}
		g.parse(desc.Digest, &names)
		if names.Config != nil {
			out = append(out, *names.Config)
		}
		for _, d := range append(names.Layers, names.Manifests...) {
			out = append(out, g.below(d)...)
		}
	}
	return append(out, desc)
}
