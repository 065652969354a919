// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index/ztoc"
)

// Docker media types (distribution, image manifest version 2 schema 2).
const (
	dockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig       = "application/vnd.docker.container.image.v1+json"

	dockerLayer            = "application/vnd.docker.image.rootfs.diff.tar"
	dockerLayerGzip        = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	dockerLayerZstd        = "application/vnd.docker.image.rootfs.diff.tar.zstd"
	dockerForeignLayer     = "application/vnd.docker.image.rootfs.foreign.diff.tar"
	dockerForeignLayerGzip = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

	ociLayerPrefix      = "application/vnd.oci.image.layer."
	ociForeignPlain     = "application/vnd.oci.image.layer.nondistributable.v1.tar"
	encryptedTypeSuffix = "+encrypted"
)

func isManifest(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || mediaType == dockerManifest
}

func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == dockerManifestList
}

// compression is how a layer of that media type is compressed, or why it
// cannot have a ztoc.
func compression(mediaType string) (c ztoc.Compression, skip string) {
	switch mediaType {
	case dockerLayerGzip, dockerForeignLayerGzip:
		return ztoc.Gzip, ""
	case dockerLayer, dockerForeignLayer:
		return ztoc.Uncompressed, ""
	case dockerLayerZstd:
		return 0, "zstd is not supported"
	case ociForeignPlain:
		return 0, "media type " + mediaType + " is not supported"
	}
	kind, ok := strings.CutPrefix(mediaType, ociLayerPrefix)
	switch {
	case !ok:
		return 0, "media type " + mediaType + " is not a layer's"
	case strings.HasSuffix(kind, encryptedTypeSuffix):
		return 0, "layer is encrypted"
	case strings.HasSuffix(kind, "+gzip"):
		return ztoc.Gzip, ""
	case strings.HasSuffix(kind, "+zstd"):
		return 0, "zstd is not supported"
	case strings.HasSuffix(kind, ".tar"):
		return ztoc.Uncompressed, ""
	}
	return 0, "media type " + mediaType + " is not supported"
}
