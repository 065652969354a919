// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package imagetest makes OCI layouts for tests.
package imagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// Layer is a layer blob and its media type. DiffID is that of its tar; "" for
// a blob that is none.
type Layer struct {
	MediaType string
	Blob      []byte
	DiffID    digest.Digest
}

// Platform is one platform of an image. A nil Platform makes an attestation.
type Platform struct {
	Platform *ocispec.Platform
	Layers   []Layer
}

// Linux is a platform of linux.
func Linux(arch string, layers ...Layer) Platform {
	return Platform{Platform: &ocispec.Platform{OS: "linux", Architecture: arch}, Layers: layers}
}

// Gzip is a gzip layer of files.
func Gzip(tb testing.TB, files ...remotetest.File) Layer {
	tb.Helper()
	b := remotetest.Tar(tb, files...)
	return Layer{ocispec.MediaTypeImageLayerGzip, remotetest.Gzip(tb, b), digest.FromBytes(b)}
}

// Plain is an uncompressed layer of files.
func Plain(tb testing.TB, files ...remotetest.File) Layer {
	tb.Helper()
	b := remotetest.Tar(tb, files...)
	return Layer{ocispec.MediaTypeImageLayer, b, digest.FromBytes(b)}
}

// Zstd is a zstd layer of files.
func Zstd(tb testing.TB, files ...remotetest.File) Layer {
	tb.Helper()
	b := remotetest.Tar(tb, files...)
	return Layer{ocispec.MediaTypeImageLayerZstd, remotetest.Zstd(tb, b), digest.FromBytes(b)}
}

// Body is n bytes of text that compresses little, the same for the same seed.
func Body(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%x\n", r.Uint64())
	}
	return b.String()[:n]
}

// Layout is an OCI layout that is being made.
type Layout struct {
	tb  testing.TB
	dir string
}

// New makes an empty layout in dir.
func New(tb testing.TB, dir string) *Layout {
	tb.Helper()
	l := &Layout{tb: tb, dir: dir}
	l.write(ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`))
	l.writeJSON(ocispec.ImageIndexFile, index())
	return l
}

// Image adds an image with one manifest.
func (l *Layout) Image(tag string, p Platform) ocispec.Descriptor {
	l.tb.Helper()
	desc := l.manifest(p)
	desc.Platform = nil
	l.tag(tag, desc)
	return desc
}

// Index adds an image with a manifest for each platform.
func (l *Layout) Index(tag string, platforms ...Platform) ocispec.Descriptor {
	l.tb.Helper()
	var list []ocispec.Descriptor
	for _, p := range platforms {
		list = append(list, l.manifest(p))
	}
	desc := l.json(ocispec.MediaTypeImageIndex, index(list...))
	l.tag(tag, desc)
	return desc
}

// Manifests makes index.json itself the list of platforms, without a tag.
func (l *Layout) Manifests(platforms ...Platform) {
	l.tb.Helper()
	var list []ocispec.Descriptor
	for _, p := range platforms {
		list = append(list, l.manifest(p))
	}
	l.writeJSON(ocispec.ImageIndexFile, index(list...))
}

// Path is where a blob lies.
func (l *Layout) Path(d digest.Digest) string {
	return filepath.Join(l.dir, "blobs", "sha256", d.Encoded())
}

// Remove removes a blob.
func (l *Layout) Remove(d digest.Digest) {
	l.tb.Helper()
	if err := os.Remove(l.Path(d)); err != nil {
		l.tb.Fatal(err)
	}
}

// Read decodes a JSON blob.
func (l *Layout) Read(d digest.Digest, v any) {
	l.tb.Helper()
	b, err := os.ReadFile(l.Path(d))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		l.tb.Fatal(err)
	}
}

func (l *Layout) manifest(p Platform) ocispec.Descriptor {
	l.tb.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	config := ocispec.Image{RootFS: ocispec.RootFS{Type: "layers"}}
	platform := &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	if p.Platform != nil {
		platform = p.Platform
	}
	config.Platform = *platform
	for _, layer := range p.Layers {
		m.Layers = append(m.Layers, l.blob(layer.MediaType, layer.Blob))
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.DiffID)
	}
	m.Config = l.json(ocispec.MediaTypeImageConfig, config)
	desc := l.json(ocispec.MediaTypeImageManifest, m)
	desc.Platform = platform
	return desc
}

func (l *Layout) tag(tag string, desc ocispec.Descriptor) {
	l.tb.Helper()
	var ix ocispec.Index
	b, err := os.ReadFile(filepath.Join(l.dir, ocispec.ImageIndexFile))
	if err == nil {
		err = json.Unmarshal(b, &ix)
	}
	if err != nil {
		l.tb.Fatal(err)
	}
	if tag != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	}
	l.writeJSON(ocispec.ImageIndexFile, index(append(ix.Manifests, desc)...))
}

func (l *Layout) json(mediaType string, v any) ocispec.Descriptor {
	l.tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		l.tb.Fatal(err)
	}
	return l.blob(mediaType, b)
}

func (l *Layout) blob(mediaType string, b []byte) ocispec.Descriptor {
	l.tb.Helper()
	d := digest.FromBytes(b)
	l.write(filepath.Join("blobs", "sha256", d.Encoded()), b)
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
}

func (l *Layout) writeJSON(name string, v any) {
	l.tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.write(name, b)
}

func (l *Layout) write(name string, b []byte) {
	l.tb.Helper()
	path := filepath.Join(l.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		l.tb.Fatal(err)
	}
}

func index(list ...ocispec.Descriptor) ocispec.Index {
	return ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: append([]ocispec.Descriptor{}, list...),
	}
}
