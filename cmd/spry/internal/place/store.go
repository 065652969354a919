// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// store holds the files of a layout, in a directory or a tar. open, has and
// put are safe for concurrent use.
type store interface {
	open(dgst digest.Digest) (blob, error)
	has(desc ocispec.Descriptor) (bool, error)
	put(ctx context.Context, desc ocispec.Descriptor, open Content) error
	remove(dgst digest.Digest) error
	// readIndex reads index.json; errdefs.ErrNotFound if there is no layout.
	readIndex() ([]byte, error)
	writeIndex(b []byte) error
	// close ends the use and makes what was written last.
	close() error
}

// blob is the content of one blob.
type blob interface {
	io.Reader
	io.ReaderAt
	io.Closer
}
