// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Index lists the artifacts that make the layers of one image manifest lazy.
// It is a plain value; share it for reading only.
type Index struct {
	// Version is 1 or 2, see the package comment.
	Version int
	// Subject describes the image manifest of a v1 index by media type,
	// digest and size; it is nil in v2.
	Subject *ocispec.Descriptor
	// BuildTool is free text about who made the index.
	BuildTool string
	// Layers are the ztocs in image layer order; layers without one are
	// missing.
	Layers []LayerIndex
	// Prefetch are the prefetch artifacts in image layer order.
	Prefetch []PrefetchRef
	// Compact are the compact indexes in image layer order.
	Compact []CompactRef
	// Other are layers of kinds this package does not know, in order.
	Other []ocispec.Descriptor
	// Annotations are the index's annotations besides the build tool.
	Annotations map[string]string
}

// ForLayer finds the ztoc of the layer blob d. If the index has several, the
// last one counts.
func (ix *Index) ForLayer(d digest.Digest) (LayerIndex, bool) {
	for i := len(ix.Layers) - 1; i >= 0; i-- {
		if ix.Layers[i].Layer == d {
			return ix.Layers[i], true
		}
	}
	return LayerIndex{}, false
}

// PrefetchFor finds the prefetch artifact of the layer blob d. If the index
// has several, the first one counts.
func (ix *Index) PrefetchFor(d digest.Digest) (ocispec.Descriptor, bool) {
	for _, p := range ix.Prefetch {
		if p.Layer == d {
			return p.Descriptor, true
		}
	}
	return ocispec.Descriptor{}, false
}

// CompactFor finds the compact index of the layer blob d. If the index has
// several, the first one counts.
func (ix *Index) CompactFor(d digest.Digest) (ocispec.Descriptor, bool) {
	for _, c := range ix.Compact {
		if c.Layer == d {
			return c.Descriptor, true
		}
	}
	return ocispec.Descriptor{}, false
}
