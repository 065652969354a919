// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// MaxArtifact bounds every artifact in bytes, whatever its descriptor says:
// some 16 000 spans' worth of ztoc.
const MaxArtifact = 512 << 20

// Artifact reads a ztoc, prefetch artifact or manifest of ref's image: from
// this host if it is here, else from the registry. The bytes match
// desc.Digest. More than limit (or MaxArtifact) bytes match
// remote.ErrTooLarge.
func (f *Finder) Artifact(ctx context.Context, ref index.LayerRef, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	limit = min(limit, MaxArtifact)
	if err := desc.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %.80q: %w: %w", string(desc.Digest), err, errdefs.ErrInvalidArgument)
	}
	if desc.Size > limit {
		return nil, fmt.Errorf("%s: %d bytes, limit %d: %w", desc.Digest, desc.Size, limit, remote.ErrTooLarge)
	}
	if b, ok := f.local(ctx, desc, limit); ok {
		return b, nil
	}
	return f.registry.Get(ctx, ref.Image, desc, limit)
}

// local reads what is on this host, if it is and is right.
func (f *Finder) local(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, bool) {
	if f.options.Local == nil {
		return nil, false
	}
	b, err := f.options.Local(ctx, desc)
	if err != nil {
		if !errdefs.IsNotFound(err) {
			log.G(ctx).WithError(err).Debug("content of this host not read")
		}
		return nil, false
	}
	if int64(len(b)) > limit || desc.Digest.Algorithm().FromBytes(b) != desc.Digest {
		log.G(ctx).WithField("bytes", len(b)).Warnf("content of this host is not %s", desc.Digest)
		return nil, false
	}
	return b, true
}
