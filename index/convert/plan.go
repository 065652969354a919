// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index/ztoc"
)

// LayerPlan says what is to be done with one layer.
type LayerPlan struct {
	// Desc is the layer's descriptor in the image manifest.
	Desc ocispec.Descriptor
	// Compression is how to build its ztoc, if SkipReason is "".
	Compression ztoc.Compression
	// SkipReason is why the layer gets no ztoc.
	SkipReason string
}

// Plan goes through the layers of a manifest in order. It trusts their media
// types, as everyone does, and wants at least minSize bytes of a layer.
func Plan(m ocispec.Manifest, minSize int64) []LayerPlan {
	plans := make([]LayerPlan, len(m.Layers))
	for i, desc := range m.Layers {
		p := LayerPlan{Desc: desc}
		p.Compression, p.SkipReason = compression(desc.MediaType)
		if p.SkipReason == "" && desc.Size < minSize {
			p.Compression, p.SkipReason = 0, fmt.Sprintf("%d bytes are less than %d", desc.Size, minSize)
		}
		plans[i] = p
	}
	return plans
}
