// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of the artifacts of an index.
const (
	// MediaTypeZtoc is the media type of a ztoc.
	MediaTypeZtoc = "application/octet-stream"
	// MediaTypePrefetch is the media type of a prefetch artifact.
	MediaTypePrefetch = "application/vnd.amazon.soci.prefetch.v1+json"
	// MediaTypeCompact is the media type of a compact index, see package
	// index/compact. The version is in the blob as well.
	MediaTypeCompact = "application/vnd.spry.layer.index.v1"
)

// Artifact types of an index. They are the media type of its config, which is
// the only mark of its version; the artifactType field of the manifest stays
// empty.
const (
	// ArtifactTypeV1 marks an index bound to its image by subject.
	ArtifactTypeV1 = "application/vnd.amazon.soci.index.v1+json"
	// ArtifactTypeV2 marks an index bound by an annotation of the image.
	ArtifactTypeV2 = "application/vnd.amazon.soci.index.v2+json"
)

// DefaultBuildTool is the build tool text other implementations write.
const DefaultBuildTool = "AWS SOCI CLI v0.2"

// EmptyConfig is the content of every index's config blob.
const EmptyConfig = "{}"

// ConfigDescriptor describes the config blob of an index of the given
// artifact type.
func ConfigDescriptor(artifactType string) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: artifactType,
		Digest:    digest.FromString(EmptyConfig),
		Size:      int64(len(EmptyConfig)),
	}
}
