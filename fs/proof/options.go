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

// Checkpoints is a [span.Layer] whose spans are decoded from states of a
// decoder in the middle of a stream. Its Decode returns an error for a span
// from whose end the stream does not lead to the start of the next one. The
// errors of the methods say that the answer cannot be known.
type Checkpoints interface {
	// CheckWindow says whether what the layer holds for span id is what
	// precedes it: the last 32 KiB of that, or all if they are fewer.
	CheckWindow(id span.ID, before []byte) (ok bool, err error)
	// CheckStart says whether the stream leads from its first byte to span 0
	// and decodes to nothing on the way. lead is the blob up to and with the
	// first byte of the span.
	CheckStart(lead []byte) (ok bool, err error)
	// CheckEnd says whether the stream ends with what the last span, whose
	// bytes are data, decodes to.
	CheckEnd(data []byte) (ok bool, err error)
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
