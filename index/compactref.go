// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"fmt"
	"maps"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// CompactRef is an index's entry for the compact index (package
// index/compact) of one layer. Other implementations take no notice of it.
type CompactRef struct {
	// Descriptor is of the compact index. When encoding, Layer overrides its
	// annotation.
	Descriptor ocispec.Descriptor
	// Layer is the digest of the layer blob.
	Layer digest.Digest
}

func parseCompactRef(desc ocispec.Descriptor) (CompactRef, error) {
	c := CompactRef{Descriptor: desc, Layer: digest.Digest(desc.Annotations[AnnotationLayerDigest])}
	if err := c.Layer.Validate(); err != nil {
		return c, fmt.Errorf("compact index %s: layer digest %q: %w", desc.Digest, c.Layer, err)
	}
	return c, nil
}

func (c CompactRef) descriptor() ocispec.Descriptor {
	desc := c.Descriptor
	desc.Annotations = maps.Clone(desc.Annotations)
	if desc.Annotations == nil {
		desc.Annotations = map[string]string{}
	}
	if desc.MediaType == "" {
		desc.MediaType = MediaTypeCompact
	}
	desc.Annotations[AnnotationLayerDigest] = c.Layer.String()
	return desc
}
