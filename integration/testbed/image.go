// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
)

// Image is a single-platform linux/amd64 image, lowest layer first.
type Image struct {
	Layers []Layer
	Cmd    []string
	// Config is the image's config if it is not to be made of Cmd.
	Config []byte
}

// CompressedSize is the size of all layers in bytes.
func (i Image) CompressedSize() int64 {
	var n int64
	for _, l := range i.Layers {
		n += l.Descriptor.Size
	}
	return n
}

// searchPath is the PATH of every image.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// blobs are the config and the manifest of an image.
func (i Image) blobs() (config, manifest []byte, desc ocispec.Descriptor, err error) {
	c := ocispec.Image{
		Platform: ocispec.Platform{Architecture: "amd64", OS: "linux"},
		Config:   ocispec.ImageConfig{Env: []string{searchPath}, Cmd: i.Cmd},
		RootFS:   ocispec.RootFS{Type: "layers"},
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	for _, l := range i.Layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
		m.Layers = append(m.Layers, l.Descriptor)
	}
	if config = i.Config; config == nil {
		if config, err = json.Marshal(c); err != nil {
			return nil, nil, desc, err
		}
	}
	m.Config = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
	if manifest, err = json.Marshal(m); err != nil {
		return nil, nil, desc, err
	}
	return config, manifest, ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(manifest), Size: int64(len(manifest))}, nil
}

// Push puts the image into a registry under ref and returns its manifest.
func (i Image) Push(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	reg := remote.New(remote.Options{Hosts: remote.Hosts(remote.HostOptions{})})
	defer func() { _ = reg.Close() }()
	config, manifest, desc, err := i.blobs()
	if err != nil {
		return desc, err
	}
	for _, l := range i.Layers {
		open := func() (io.ReadCloser, error) { return os.Open(l.Path) }
		if err := reg.Push(ctx, ref, l.Descriptor, open); err != nil {
			return desc, fmt.Errorf("push layer %s: %w", l.Descriptor.Digest, err)
		}
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(config)), nil }
	cd := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
	if err := reg.Push(ctx, ref, cd, open); err != nil {
		return desc, fmt.Errorf("push config: %w", err)
	}
	return desc, reg.Tag(ctx, ref, desc, manifest)
}

// WriteLayout writes the image as an OCI layout with the tag "latest".
func (i Image) WriteLayout(dir string) (ocispec.Descriptor, error) {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return ocispec.Descriptor{}, err
	}
	config, manifest, desc, err := i.blobs()
	if err != nil {
		return desc, err
	}
	for _, l := range i.Layers {
		dst := filepath.Join(blobs, l.Descriptor.Digest.Encoded())
		if err := os.Link(l.Path, dst); err != nil && !os.IsExist(err) {
			return desc, err
		}
	}
	entry := desc
	entry.Platform = &ocispec.Platform{Architecture: "amd64", OS: "linux"}
	entry.Annotations = map[string]string{ocispec.AnnotationRefName: "latest"}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{entry},
	})
	if err != nil {
		return desc, err
	}
	for name, b := range map[string][]byte{
		"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`),
		"index.json": index,
		"blobs/sha256/" + digest.FromBytes(config).Encoded(): config,
		"blobs/sha256/" + desc.Digest.Encoded():              manifest,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return desc, err
		}
	}
	return desc, nil
}
