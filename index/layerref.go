// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import "github.com/opencontainers/go-digest"

// LayerRef names one layer of one image: all that the snapshotter knows about
// what it should mount.
type LayerRef struct {
	// Image is the reference as it was pulled, such as
	// 127.0.0.1:5000/a:latest.
	Image string
	// Manifest is the digest of the platform's image manifest.
	Manifest digest.Digest
	// Layer is the digest of the layer blob.
	Layer digest.Digest
	// Size is the layer blob's size in bytes, 0 if unknown.
	Size int64
	// Index is the index to use, "" to have it discovered.
	Index digest.Digest
}
