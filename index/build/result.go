// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/ztoc"
)

// Result is what a pass over a layer blob finds.
type Result struct {
	// Ztoc is the index; the caller owns it.
	Ztoc *ztoc.Ztoc
	// Digest and Size (bytes) are those of the blob.
	Digest digest.Digest
	Size   int64
	// DiffID and TarSize (bytes) are those of the whole tar stream, with what
	// follows the end of the archive.
	DiffID  digest.Digest
	TarSize int64
}
