// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"bytes"
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/unpack"
	"github.com/spryd/spry/index"
)

// Unpack downloads ref's layer and unpacks it the ordinary way, above lowers,
// the uppermost first. It returns the DiffID of what it unpacked: see
// [unpack.Layer].
func (f *FileSystem) Unpack(ctx context.Context, ref index.LayerRef, dir string, lowers []index.Lower) (digest.Digest, error) {
	return unpack.Layer(ctx, blobs{f}, ref, dir, f.below(ctx, lowers))
}

// blobs are layers that were loaded ahead, or are in their registry.
type blobs struct{ f *FileSystem }

// Open implements [unpack.Source].
func (b blobs) Open(ctx context.Context, image string, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if content, ok := b.f.artifacts.loaded(ctx, desc.Digest); ok {
		return io.NopCloser(bytes.NewReader(content)), nil
	}
	return b.f.options.Registry.Open(ctx, image, desc)
}
