// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Manifest is the image manifest of one platform.
type Manifest struct {
	// Desc is the descriptor in the image index, or the target itself.
	Desc ocispec.Descriptor
	// Platform is the descriptor's, or the config's if it has none.
	Platform ocispec.Platform
	// Image is the decoded manifest.
	Image ocispec.Manifest
}

// Manifests finds the image manifests of target, an OCI index, a Docker
// manifest list or a single manifest, in order. Indexes of earlier conversions,
// attestations (platform unknown) and manifests that the store lacks are left
// out; a target that the store lacks is an error.
func Manifests(ctx context.Context, s Store, target ocispec.Descriptor) ([]Manifest, error) {
	ix, err := load(ctx, s, target)
	if err != nil {
		return nil, err
	}
	var list []Manifest
	for _, desc := range ix.Manifests {
		if !isManifest(desc.MediaType) || isArtifact(desc) {
			continue
		}
		m := Manifest{Desc: desc}
		err := get(ctx, s, desc, &m.Image)
		switch {
		case errdefs.IsNotFound(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("manifest: %w", err)
		}
		if m.Platform, err = platformOf(ctx, s, desc, m.Image); err != nil {
			return nil, err
		}
		if m.Platform.OS == unknown || m.Platform.Architecture == unknown || isArtifactConfig(m.Image) {
			continue
		}
		list = append(list, m)
	}
	return list, nil
}

// load reads target as an index; a single manifest becomes an index of one.
func load(ctx context.Context, s Store, target ocispec.Descriptor) (ocispec.Index, error) {
	var ix ocispec.Index
	switch {
	case isIndex(target.MediaType):
		if err := get(ctx, s, target, &ix); err != nil {
			return ix, fmt.Errorf("image index: %w", err)
		}
	case isManifest(target.MediaType):
		var m ocispec.Manifest
		if err := get(ctx, s, target, &m); err != nil {
			return ix, fmt.Errorf("manifest: %w", err)
		}
		p, err := platformOf(ctx, s, target, m)
		if err != nil {
			return ix, err
		}
		target.Platform = &p
		ix.Manifests = []ocispec.Descriptor{target}
	default:
		return ix, fmt.Errorf("%s has media type %q: not an image: %w", target.Digest, target.MediaType, errdefs.ErrInvalidArgument)
	}
	ix.SchemaVersion = 2
	ix.MediaType = ocispec.MediaTypeImageIndex
	return ix, nil
}

// isArtifact says whether an entry of an image index is an index of ours.
func isArtifact(desc ocispec.Descriptor) bool {
	return desc.ArtifactType == index.ArtifactTypeV1 || desc.ArtifactType == index.ArtifactTypeV2
}

func isArtifactConfig(m ocispec.Manifest) bool {
	return m.Config.MediaType == index.ArtifactTypeV1 || m.Config.MediaType == index.ArtifactTypeV2
}
