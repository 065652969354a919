// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Found is an index that a place holds.
type Found struct {
	// Desc describes the index manifest.
	Desc ocispec.Descriptor
	// Index is its content.
	Index *index.Index
	// Manifest is the image manifest it is about, "" if not known.
	Manifest digest.Digest
	// Platform is of that image, nil if not known.
	Platform *ocispec.Platform
	// Images are the names of the images it belongs to.
	Images []string
	// Created is when the place got it, zero if not known.
	Created time.Time
}

// maxManifest bounds the bytes of a manifest or index, in line with what
// registries accept.
const maxManifest = 4 << 20

// maxConfig bounds the bytes of an image config.
const maxConfig = 8 << 20

// ReadAll reads a whole manifest, index or artifact of at most limit bytes
// and verifies its digest.
func ReadAll(ctx context.Context, src Source, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if desc.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d allowed", desc.Digest, desc.Size, limit)
	}
	if err := desc.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %q: %w", desc.Digest, err)
	}
	rc, err := src.Open(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	b, err := io.ReadAll(io.LimitReader(rc, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", desc.Digest, limit)
	}
	if got := desc.Digest.Algorithm().FromBytes(b); got != desc.Digest {
		return nil, fmt.Errorf("read %s: got %s", desc.Digest, got)
	}
	return b, nil
}

// ReadManifest reads a manifest or index and verifies its digest.
func ReadManifest(ctx context.Context, src Source, desc ocispec.Descriptor) ([]byte, error) {
	return ReadAll(ctx, src, desc, maxManifest)
}
