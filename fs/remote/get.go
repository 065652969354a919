// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// getAttempts is how often content with a wrong digest is fetched.
const getAttempts = 3

// Get reads the whole of a manifest or blob, by its media type, and checks its
// digest. desc.Size may be 0 for unknown. More than limit bytes match
// ErrTooLarge; content that stays wrong matches ErrCorrupt.
func (r *Registry) Get(ctx context.Context, ref string, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	c, err := r.reach(ref, desc)
	if err != nil {
		return nil, err
	}
	if desc.Size > limit {
		return nil, tooLarge(desc, desc.Size, limit)
	}
	for attempt := 1; ; attempt++ {
		b, err := c.read(ctx, desc, limit)
		if !errors.Is(err, ErrCorrupt) || attempt == getAttempts {
			return b, err
		}
	}
}

// Open streams the whole of a manifest or blob, resumed at the byte when it
// breaks. With desc.Size known the body yields exactly that many bytes, or
// fails. The bytes are not verified. ctx ends the body too; the caller closes
// it and does not use it from several goroutines.
func (r *Registry) Open(ctx context.Context, ref string, desc ocispec.Descriptor) (io.ReadCloser, error) {
	c, err := r.reach(ref, desc)
	if err != nil {
		return nil, err
	}
	end := desc.Size
	if end == 0 {
		end = -1
	}
	return newBody(ctx, c, 0, end)
}

// read gets everything once and verifies it.
func (c *content) read(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	end := desc.Size
	if end == 0 {
		end = -1
	}
	rc, err := newBody(ctx, c, 0, end)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	if rc.end > limit {
		return nil, tooLarge(desc, rc.end, limit)
	}
	var b []byte
	if rc.end >= 0 {
		b = make([]byte, rc.end)
		_, err = io.ReadFull(rc, b)
	} else {
		b, err = io.ReadAll(io.LimitReader(rc, limit+1))
	}
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, tooLarge(desc, int64(len(b)), limit)
	}
	if got := desc.Digest.Algorithm().FromBytes(b); got != desc.Digest {
		c.distrust(rc.host)
		return nil, fmt.Errorf("read %s: got %s, %d bytes: %w", desc.Digest, got, len(b), ErrCorrupt)
	}
	return b, nil
}

func tooLarge(desc ocispec.Descriptor, size, limit int64) error {
	return fmt.Errorf("read %s: %d bytes, limit %d: %w", desc.Digest, size, limit, ErrTooLarge)
}
