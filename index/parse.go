// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"encoding/json"
	"fmt"
	"maps"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxSize bounds the bytes of an index, which is what registries accept for a
// manifest.
const MaxSize = 4 << 20

// Parse reads an index of either version, in any JSON layout. Layers of
// unknown kinds are kept aside. Errors match [ErrInvalid].
func Parse(b []byte) (*Index, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d allowed", ErrInvalid, len(b), MaxSize)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	ix := &Index{Subject: m.Subject}
	switch m.Config.MediaType {
	case ArtifactTypeV1:
		ix.Version = 1
	case ArtifactTypeV2:
		ix.Version = 2
	default:
		return nil, fmt.Errorf("%w: config media type %q is of no known version", ErrInvalid, m.Config.MediaType)
	}
	if m.Subject != nil {
		if err := validate(*m.Subject); err != nil {
			return nil, fmt.Errorf("%w: subject: %w", ErrInvalid, err)
		}
	}
	for i, desc := range m.Layers {
		if err := ix.add(desc); err != nil {
			return nil, fmt.Errorf("%w: layer %d: %w", ErrInvalid, i, err)
		}
	}
	ix.BuildTool = m.Annotations[AnnotationBuildTool]
	if delete(m.Annotations, AnnotationBuildTool); len(m.Annotations) > 0 {
		ix.Annotations = maps.Clone(m.Annotations)
	}
	return ix, nil
}

// add files one layer of the manifest under its kind.
func (ix *Index) add(desc ocispec.Descriptor) error {
	if err := validate(desc); err != nil {
		return err
	}
	switch desc.MediaType {
	case MediaTypeZtoc:
		li, err := parseLayerIndex(desc)
		if err != nil {
			return err
		}
		ix.Layers = append(ix.Layers, li)
	case MediaTypePrefetch:
		p, err := parsePrefetchRef(desc)
		if err != nil {
			return err
		}
		ix.Prefetch = append(ix.Prefetch, p)
	case MediaTypeCompact:
		c, err := parseCompactRef(desc)
		if err != nil {
			return err
		}
		ix.Compact = append(ix.Compact, c)
	default:
		ix.Other = append(ix.Other, desc)
	}
	return nil
}

func validate(desc ocispec.Descriptor) error {
	if err := desc.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", desc.Digest, err)
	}
	if desc.Size < 0 {
		return fmt.Errorf("%s has negative size %d", desc.Digest, desc.Size)
	}
	return nil
}
