// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// SmallLayer is the compressed size in bytes below which a layer gets no index
// unless told otherwise: it arrives whole about as fast as an index and the
// first spans would. A host loads such layers ahead, in memory, when it sees the
// first layer of their image.
const SmallLayer = 1 << 20

// LayerIndex is an index's entry for one layer: its ztoc.
type LayerIndex struct {
	// Descriptor is of the ztoc. When encoding, the fields below override
	// its annotations.
	Descriptor ocispec.Descriptor
	// Layer is the digest of the layer blob.
	Layer digest.Digest
	// LayerMediaType is the layer's media type in the image manifest.
	LayerMediaType string
	// SpanSize is the span size asked for in bytes, 0 if not said.
	SpanSize int64
	// DisableXattrs says that no node of the layer has extended attributes.
	DisableXattrs bool
}

func parseLayerIndex(desc ocispec.Descriptor) (LayerIndex, error) {
	li := LayerIndex{
		Descriptor:     desc,
		Layer:          digest.Digest(desc.Annotations[AnnotationLayerDigest]),
		LayerMediaType: desc.Annotations[AnnotationLayerMediaType],
	}
	if err := li.Layer.Validate(); err != nil {
		return li, fmt.Errorf("ztoc %s: layer digest %q: %w", desc.Digest, li.Layer, err)
	}
	if s, ok := desc.Annotations[AnnotationSpanSize]; ok {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return li, fmt.Errorf("ztoc %s: span size %q is not a size", desc.Digest, s)
		}
		li.SpanSize = n
	}
	// As elsewhere in the ecosystem anything that is no boolean is false.
	li.DisableXattrs, _ = strconv.ParseBool(desc.Annotations[AnnotationDisableXattrs])
	return li, nil
}

func (li LayerIndex) descriptor() ocispec.Descriptor {
	desc := li.Descriptor
	desc.Annotations = maps.Clone(desc.Annotations)
	if desc.Annotations == nil {
		desc.Annotations = map[string]string{}
	}
	if desc.MediaType == "" {
		desc.MediaType = MediaTypeZtoc
	}
	desc.Annotations[AnnotationLayerDigest] = li.Layer.String()
	if li.LayerMediaType != "" {
		desc.Annotations[AnnotationLayerMediaType] = li.LayerMediaType
	}
	if li.SpanSize != 0 {
		desc.Annotations[AnnotationSpanSize] = strconv.FormatInt(li.SpanSize, 10)
	}
	if li.DisableXattrs {
		desc.Annotations[AnnotationDisableXattrs] = "true"
	}
	return desc
}
