// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

// Snapshot labels that containerd's pull sets on Prepare.
const (
	// LabelTarget is the chain id to commit under; absent for an ordinary
	// active snapshot.
	LabelTarget = "containerd.io/snapshot.ref"
	// LabelImage is the image reference.
	LabelImage = "containerd.io/snapshot/cri.image-ref"
	// LabelManifest is the digest of the platform's image manifest.
	LabelManifest = "containerd.io/snapshot/cri.manifest-digest"
	// LabelLayer is the digest of the layer blob.
	LabelLayer = "containerd.io/snapshot/cri.layer-digest"
	// LabelImageLayers is a comma separated list of layer digests, this
	// layer first, cut where a label would become too long.
	LabelImageLayers = "containerd.io/snapshot/cri.image-layers"
	// LabelIndex names an index explicitly.
	LabelIndex = "containerd.io/snapshot/remote/soci.index.digest"
	// LabelLayerSize is the decimal size of the layer blob in bytes.
	LabelLayerSize = "containerd.io/snapshot/remote/soci.size"
	// LabelImageLayerSizes is parallel to LabelImageLayers.
	LabelImageLayerSizes = "containerd.io/snapshot/remote/image.layers.size"
)

// Snapshot labels that the snapshotter writes.
const (
	// LabelRemote is LabelRemoteValue on a snapshot that is loaded lazily.
	LabelRemote = "containerd.io/snapshot/remote"
	// LabelRemoteValue is the value of LabelRemote.
	LabelRemoteValue = "remote snapshot"
	// LabelHasIndex is "true" on every snapshot of an indexed image.
	LabelHasIndex = "containerd.io/snapshot/remote/has.soci.index.digest"
	// LabelNamespace is the containerd namespace of the pull.
	LabelNamespace = "containerd.io/snapshot/remote/namespace"
	// LabelLazyLayer is the digest of the layer a lazy snapshot shows.
	LabelLazyLayer = "containerd.io/snapshot/remote/spry.layer"
	// LabelReason says why a snapshot is not lazy.
	LabelReason = "containerd.io/snapshot/remote/spry.reason"
)

// Content labels that keep an index and its artifacts from being garbage
// collected.
const (
	// LabelGCRoot holds an RFC 3339 time.
	LabelGCRoot = "containerd.io/gc.root"
	// LabelGCConfig names the config blob of a manifest.
	LabelGCConfig = "containerd.io/gc.ref.content.config"
	// LabelGCZtocPrefix, with the number of a layer of the index appended,
	// names that ztoc or prefetch artifact.
	LabelGCZtocPrefix = "containerd.io/gc.ref.content.ztoc."
	// LabelGCLayerPrefix, with a number appended, names a layer of a manifest.
	LabelGCLayerPrefix = "containerd.io/gc.ref.content.l."
	// LabelGCManifestPrefix, with a number appended, names a manifest of an
	// OCI index.
	LabelGCManifestPrefix = "containerd.io/gc.ref.content.m."
	// LabelGCIndex, on an image record, names a v1 index.
	LabelGCIndex = "containerd.io/gc.ref.content.soci-index"
)
