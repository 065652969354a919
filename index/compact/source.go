// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
)

// Source is what an index says of a layer, before it is encoded. Whoever makes
// one has decided that the layer can be presented lazily: a Source has no way
// to say otherwise.
type Source struct {
	// LayerDigest is of the blob.
	LayerDigest digest.Digest
	// Plain says that the blob is a tar as it is, not gzip.
	Plain bool
	// CompressedSize is the size of the blob in bytes.
	CompressedSize int64
	// UncompressedSize is the tar stream position at which a tar reader sees
	// the end of the archive: where the last span's output ends.
	UncompressedSize int64
	Tree             *toc.Tree
	// Spans follow each other; there is at least one.
	Spans []SpanSource
}
