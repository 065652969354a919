// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ReadLayout finds the linux/amd64 image (or the only one) of an OCI layout.
// Its layers stay files of the layout.
func ReadLayout(dir string) (Image, error) {
	var ix ocispec.Index
	if err := readJSON(filepath.Join(dir, "index.json"), &ix); err != nil {
		return Image{}, err
	}
	for depth := 0; depth < 4; depth++ {
		desc, err := pickPlatform(ix)
		if err != nil {
			return Image{}, fmt.Errorf("layout %s: %w", dir, err)
		}
		if desc.MediaType == ocispec.MediaTypeImageManifest {
			return readManifest(dir, desc.Digest)
		}
		ix = ocispec.Index{}
		if err := readJSON(blobPath(dir, desc.Digest), &ix); err != nil {
			return Image{}, err
		}
	}
	return Image{}, fmt.Errorf("layout %s: indexes nested too deeply", dir)
}

// pickPlatform chooses a manifest or nested index.
func pickPlatform(ix ocispec.Index) (ocispec.Descriptor, error) {
	for _, m := range ix.Manifests {
		if p := m.Platform; p != nil && p.OS == "linux" && p.Architecture == "amd64" {
			return m, nil
		}
	}
	if len(ix.Manifests) == 1 {
		return ix.Manifests[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("no linux/amd64 image among %d", len(ix.Manifests))
}

// readManifest makes an Image of a manifest of the layout.
func readManifest(dir string, d digest.Digest) (Image, error) {
	var m ocispec.Manifest
	if err := readJSON(blobPath(dir, d), &m); err != nil {
		return Image{}, err
	}
	raw, err := os.ReadFile(blobPath(dir, m.Config.Digest))
	if err != nil {
		return Image{}, err
	}
	var c ocispec.Image
	if err := json.Unmarshal(raw, &c); err != nil {
		return Image{}, fmt.Errorf("config %s: %w", m.Config.Digest, err)
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return Image{}, fmt.Errorf("config %s: %d DiffIDs for %d layers", m.Config.Digest, len(c.RootFS.DiffIDs), len(m.Layers))
	}
	img := Image{Cmd: c.Config.Cmd, Config: raw}
	for i, l := range m.Layers {
		img.Layers = append(img.Layers, Layer{Descriptor: l, DiffID: c.RootFS.DiffIDs[i], Path: blobPath(dir, l.Digest)})
	}
	return img, nil
}

func blobPath(dir string, d digest.Digest) string {
	return filepath.Join(dir, "blobs", d.Algorithm().String(), d.Encoded())
}

func readJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
