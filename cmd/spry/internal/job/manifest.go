// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
)

// maxConfig bounds the bytes of an image config.
const maxConfig = 8 << 20

// picture is an image as its root describes it: what there is and what of it
// is to be indexed.
type picture struct {
	root ocispec.Descriptor
	// index is the root's content, nil if it is a manifest.
	index *ocispec.Index
	// manifests are all that the source holds, in order.
	manifests []*manifest
	// indexes are the entries that are v2 indexes of layers.
	indexes []ocispec.Descriptor
	// absent are the entries whose manifest the source lacks.
	absent []ocispec.Descriptor
}

// manifest is an image manifest, of a platform or about another manifest.
type manifest struct {
	desc     ocispec.Descriptor
	platform ocispec.Platform
	content  ocispec.Manifest
}

// load resolves an image and reads its manifests.
func load(ctx context.Context, src place.Image) (*picture, error) {
	root, err := src.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	p := &picture{root: root}
	switch {
	case images.IsManifestType(root.MediaType):
		m, err := loadManifest(ctx, src, root)
		if err != nil {
			return nil, err
		}
		p.manifests = []*manifest{m}
		return p, nil
	case !images.IsIndexType(root.MediaType):
		return nil, fmt.Errorf("%s is of media type %q, no image: %w", root.Digest, root.MediaType, errors.ErrUnsupported)
	}
	b, err := place.ReadManifest(ctx, src, root)
	if err != nil {
		return nil, err
	}
	p.index = new(ocispec.Index)
	if err := json.Unmarshal(b, p.index); err != nil {
		return nil, fmt.Errorf("index %s: %w", root.Digest, err)
	}
	for _, desc := range p.index.Manifests {
		if isIndex(desc) {
			p.indexes = append(p.indexes, desc)
			continue
		}
		m, err := loadManifest(ctx, src, desc)
		if errdefs.IsNotFound(err) {
			p.absent = append(p.absent, desc)
			continue
		}
		if err != nil {
			return nil, err
		}
		p.manifests = append(p.manifests, m)
	}
	return p, nil
}

// isIndex says whether an entry is the index of layers of another entry.
func isIndex(desc ocispec.Descriptor) bool {
	return desc.ArtifactType == index.ArtifactTypeV2 || desc.ArtifactType == index.ArtifactTypeV1
}

func loadManifest(ctx context.Context, src place.Source, desc ocispec.Descriptor) (*manifest, error) {
	b, err := place.ReadManifest(ctx, src, desc)
	if err != nil {
		return nil, err
	}
	m := &manifest{desc: desc}
	if err := json.Unmarshal(b, &m.content); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	if desc.Platform != nil {
		m.platform = *desc.Platform
		return m, nil
	}
	if !images.IsConfigType(m.content.Config.MediaType) {
		return m, nil
	}
	b, err = place.ReadAll(ctx, src, m.content.Config, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("config of %s: %w", desc.Digest, err)
	}
	if err := json.Unmarshal(b, &m.platform); err != nil {
		return nil, fmt.Errorf("config of %s: %w", desc.Digest, err)
	}
	return m, nil
}

// blobs are the config and the layers.
func (m *manifest) blobs() []ocispec.Descriptor {
	return append([]ocispec.Descriptor{m.content.Config}, m.content.Layers...)
}

// known says whether the manifest is an image for some platform.
func (m *manifest) known() bool {
	return m.platform.OS != "" && m.platform.OS != "unknown" && m.platform.Architecture != "unknown"
}

// name is the platform for people.
func (m *manifest) name() string { return platforms.Format(m.platform) }

// choose finds the manifests to index.
func (p *picture) choose(o Options) ([]*manifest, error) {
	if o.AllPlatforms {
		return p.all()
	}
	want := o.Platforms
	if len(want) == 0 {
		if p.index == nil {
			return p.manifests, nil
		}
		want = []ocispec.Platform{platforms.DefaultSpec()}
	}
	var out []*manifest
	for _, w := range want {
		m, err := p.find(w)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (p *picture) all() ([]*manifest, error) {
	for _, desc := range p.absent {
		if desc.Platform != nil && desc.Platform.OS != "unknown" {
			return nil, fmt.Errorf("platform %s: manifest %s: %w", platforms.Format(*desc.Platform), desc.Digest, errdefs.ErrNotFound)
		}
	}
	out := slices.DeleteFunc(slices.Clone(p.manifests), func(m *manifest) bool { return !m.known() })
	if len(out) == 0 {
		return nil, fmt.Errorf("image %s has no platform", p.root.Digest)
	}
	return out, nil
}

// find is the manifest of one platform: the first that fits, as runtimes do.
func (p *picture) find(want ocispec.Platform) (*manifest, error) {
	fits := platforms.OnlyStrict(want)
	var have []string
	for _, m := range p.manifests {
		if !m.known() {
			continue
		}
		if fits.Match(m.platform) {
			return m, nil
		}
		have = append(have, m.name())
	}
	for _, desc := range p.absent {
		if desc.Platform != nil && fits.Match(*desc.Platform) {
			return nil, fmt.Errorf("platform %s: manifest %s: %w", platforms.Format(want), desc.Digest, errdefs.ErrNotFound)
		}
	}
	return nil, fmt.Errorf("platform %s: %w, the image has %s", platforms.Format(want), errdefs.ErrNotFound, strings.Join(have, ", "))
}
