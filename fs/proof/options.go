// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// windowSize is how far a span's window reaches back, in bytes (RFC 1951, 2).
const windowSize = 32 << 10

// Windows is a [span.Layer] whose spans are decoded with bytes from before them.
type Windows interface {
	// CheckWindow says whether what the layer holds for span id is what
	// precedes it: the last 32 KiB of that, or all if they are fewer. An error
	// says that this cannot be known.
	CheckWindow(id span.ID, before []byte) (ok bool, err error)
}

// Options describe a [Proof]. All must be set.
type Options struct {
	// Digest is what the whole blob must hash to.
	Digest digest.Digest
	Layer  span.Layer
	// Tree is what is served of the layer.
	Tree *toc.Tree
	// Dir is where the spool file may be.
	Dir string
	// Read reads blob bytes that are in no span: n at off. It may block until
	// ctx ends, and returns an error only then.
	Read func(ctx context.Context, off span.CompressedOffset, n int64) ([]byte, error)
}
