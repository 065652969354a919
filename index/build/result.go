// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/toc"
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
	// Spans are those of the compact form, if Options wanted one.
	Spans []compact.SpanSource
}

// errNoSpans says that a compact form was not asked for.
var errNoSpans = errors.New("layer was indexed without compact form")

// EncodeZtoc encodes the ztoc, and reads it back. Errors are those of package
// ztoc, or match [ErrMismatch]: that is a fault of this program or the machine.
func (r *Result) EncodeZtoc() ([]byte, error) {
	b, err := r.Ztoc.Encode()
	if err == nil {
		err = r.readZtoc(b)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", r.Digest, err)
	}
	return b, nil
}

// Compact encodes the compact form, and reads it back as EncodeZtoc does. Errors
// are those of packages toc and compact, or match [ErrMismatch].
func (r *Result) Compact() ([]byte, error) {
	if len(r.Spans) == 0 {
		return nil, errNoSpans
	}
	tree, err := toc.NewTree(r.Ztoc.Entries)
	if err != nil {
		return nil, err
	}
	b, err := compact.Encode(compact.Source{
		LayerDigest: r.Digest, Plain: r.Ztoc.Compression == ztoc.Uncompressed,
		CompressedSize: r.Size, UncompressedSize: r.Ztoc.UncompressedSize,
		Tree: tree, Spans: r.Spans,
	})
	if err == nil {
		err = r.readCompact(b, tree)
	}
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", r.Digest, err)
	}
	return b, nil
}
