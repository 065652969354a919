// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"fmt"
	"maps"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// PrefetchRef is an index's entry for the prefetch artifact of one layer.
type PrefetchRef struct {
	// Descriptor is of the artifact. When encoding, Layer overrides its
	// annotation.
	Descriptor ocispec.Descriptor
	// Layer is the digest of the layer blob.
	Layer digest.Digest
}

func parsePrefetchRef(desc ocispec.Descriptor) (PrefetchRef, error) {
	p := PrefetchRef{Descriptor: desc, Layer: digest.Digest(desc.Annotations[AnnotationLayerDigest])}
	if err := p.Layer.Validate(); err != nil {
		return p, fmt.Errorf("prefetch %s: layer digest %q: %w", desc.Digest, p.Layer, err)
	}
	return p, nil
}

func (p PrefetchRef) descriptor() ocispec.Descriptor {
	desc := p.Descriptor
	desc.Annotations = maps.Clone(desc.Annotations)
	if desc.Annotations == nil {
		desc.Annotations = map[string]string{}
	}
	if desc.MediaType == "" {
		desc.MediaType = MediaTypePrefetch
	}
	desc.Annotations[AnnotationLayerDigest] = p.Layer.String()
	return desc
}
