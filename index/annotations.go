// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

// Annotations that bind images, indexes and layers.
const (
	// AnnotationIndexDigest of an image manifest and of its descriptor names
	// the v2 index.
	AnnotationIndexDigest = "com.amazon.soci.index-digest"
	// AnnotationManifestDigest of a v2 index's descriptor names the image
	// manifest it was made for.
	AnnotationManifestDigest = "com.amazon.soci.image-manifest-digest"
	// AnnotationBuildTool of an index is free text.
	AnnotationBuildTool = "com.amazon.soci.build-tool-identifier"

	// AnnotationLayerDigest of a ztoc, prefetch or compact index descriptor
	// names the layer blob it belongs to.
	AnnotationLayerDigest = "com.amazon.soci.image-layer-digest"
	// AnnotationLayerMediaType of a ztoc descriptor is the media type of the
	// layer in the image manifest.
	AnnotationLayerMediaType = "com.amazon.soci.image-layer-mediaType"
	// AnnotationSpanSize of a ztoc descriptor is the decimal span size in
	// bytes; old indexes lack it.
	AnnotationSpanSize = "com.amazon.soci.span-size"
	// AnnotationDisableXattrs of a ztoc descriptor is "true" if no entry of
	// the layer has extended attributes or makes a directory opaque.
	AnnotationDisableXattrs = "com.amazon.soci.disable-xattrs"
)
