// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Encode writes the index in canonical form. The form matters: other
// implementations store their own re-encoding of an index under the digest of
// what they fetched, so any other layout is refused by them.
func (ix *Index) Encode() ([]byte, error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Layers:    make([]ocispec.Descriptor, 0, len(ix.Layers)+len(ix.Prefetch)+len(ix.Compact)+len(ix.Other)),
	}
	switch {
	case ix.Version == 1 && ix.Subject != nil:
		m.Config = ConfigDescriptor(ArtifactTypeV1)
		m.Subject = &ocispec.Descriptor{
			MediaType: ix.Subject.MediaType,
			Digest:    ix.Subject.Digest,
			Size:      ix.Subject.Size,
		}
	case ix.Version == 2 && ix.Subject == nil:
		m.Config = ConfigDescriptor(ArtifactTypeV2)
	default:
		return nil, fmt.Errorf("%w: version %d with subject %t", ErrInvalid, ix.Version, ix.Subject != nil)
	}
	for _, li := range ix.Layers {
		m.Layers = append(m.Layers, li.descriptor())
	}
	for _, p := range ix.Prefetch {
		m.Layers = append(m.Layers, p.descriptor())
	}
	for _, c := range ix.Compact {
		m.Layers = append(m.Layers, c.descriptor())
	}
	m.Layers = append(m.Layers, ix.Other...)
	m.Annotations = ix.annotations()
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode index: %w", err)
	}
	return b, nil
}

func (ix *Index) annotations() map[string]string {
	a := maps.Clone(ix.Annotations)
	if ix.BuildTool == "" {
		return a
	}
	if a == nil {
		a = map[string]string{}
	}
	a[AnnotationBuildTool] = ix.BuildTool
	return a
}
