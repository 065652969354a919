// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index/ztoc"
)

// candidate says how to index a layer, or why it gets no index. The media
// type alone decides about the compression, as in other implementations.
func candidate(layer ocispec.Descriptor, minSize int64) (c ztoc.Compression, skip string) {
	if !images.IsLayerType(layer.MediaType) {
		return 0, fmt.Sprintf("type %q is not a layer", layer.MediaType)
	}
	switch {
	case strings.HasSuffix(layer.MediaType, "+zstd"), strings.HasSuffix(layer.MediaType, ".zstd"):
		return 0, "zstd layers cannot be indexed"
	case strings.HasSuffix(layer.MediaType, "+gzip"), strings.HasSuffix(layer.MediaType, ".gzip"):
		c = ztoc.Gzip
	case layer.MediaType == ocispec.MediaTypeImageLayer,
		layer.MediaType == images.MediaTypeDockerSchema2Layer, layer.MediaType == images.MediaTypeDockerSchema2LayerForeign:
		c = ztoc.Uncompressed
	default:
		return 0, fmt.Sprintf("layers of type %q cannot be indexed", layer.MediaType)
	}
	if layer.Size < minSize {
		return 0, fmt.Sprintf("%s is below the minimum layer size of %s", progress.Size(layer.Size), progress.Size(minSize))
	}
	return c, ""
}
