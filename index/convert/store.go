// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Store holds manifests and other small blobs. Calls are not concurrent.
type Store interface {
	// Get returns the content of desc, of which only the digest is sure to
	// be set rightly. If the store lacks it the error matches
	// errdefs.ErrNotFound.
	Get(ctx context.Context, desc ocispec.Descriptor) ([]byte, error)
	// Put adds b, whose media type, digest and size desc has. Putting what
	// is there is no error.
	Put(ctx context.Context, desc ocispec.Descriptor, b []byte) error
}

// get fetches and decodes a JSON blob, which must be what its digest says.
func get(ctx context.Context, s Store, desc ocispec.Descriptor, v any) error {
	if err := desc.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", desc.Digest, err)
	}
	b, err := s.Get(ctx, desc)
	if err != nil {
		return fmt.Errorf("get %s: %w", desc.Digest, err)
	}
	if len(b) > index.MaxSize {
		return fmt.Errorf("%s has %d bytes, at most %d allowed", desc.Digest, len(b), index.MaxSize)
	}
	if got := desc.Digest.Algorithm().FromBytes(b); got != desc.Digest {
		return fmt.Errorf("content of %s has digest %s", desc.Digest, got)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %s: %w", desc.Digest, err)
	}
	return nil
}

// put stores v in canonical form: the field order of the OCI structs, sorted
// keys, HTML characters escaped, no white space.
func put(ctx context.Context, s Store, mediaType string, v any) (ocispec.Descriptor, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode %s: %w", mediaType, err)
	}
	return putBytes(ctx, s, mediaType, b)
}

func putBytes(ctx context.Context, s Store, mediaType string, b []byte) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
	if err := s.Put(ctx, desc, b); err != nil {
		return desc, fmt.Errorf("put %s: %w", desc.Digest, err)
	}
	return desc, nil
}
