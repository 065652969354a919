// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

// FileSystem mounts layers by digest. A mounted layer has owners, which are
// snapshot identifiers; it stays until the last one releases it.
//
// All methods are safe for concurrent use.
type FileSystem interface {
	// Mount makes a layer available and adds an owner; adding the same owner
	// again changes nothing. It fails with index.ErrNoIndex or
	// index.ErrNotLazy when the layer has to arrive another way; no owner is
	// added then.
	Mount(ctx context.Context, ref index.LayerRef, owner string) error
	// Restore is Mount from what is on this host, for use at start.
	Restore(ctx context.Context, layer digest.Digest, owner string) error
	// Sweep removes every layer that has no owner after the Restore calls.
	Sweep(ctx context.Context) error
	// Release drops an owner; with the last one the layer goes.
	Release(ctx context.Context, layer digest.Digest, owner string) error
	// Dir is the directory that shows the layer now.
	Dir(layer digest.Digest) (string, error)
	// Short is a path that shows the same, for mounts of many layers.
	Short(layer digest.Digest) (string, error)
	// Check says whether the layer can be given to a new container.
	Check(ctx context.Context, layer digest.Digest) error
	// DiffID is the digest of what the layer decompresses to, "" as long as that is
	// not known.
	DiffID(layer digest.Digest) digest.Digest
	// Fits fails with index.ErrNotLazy if the mounted layer does not show what
	// unpacking it above lowers, the uppermost first, would.
	Fits(ctx context.Context, layer digest.Digest, lowers []index.Lower) error
	// FitsAny is Fits for a layer whose lowers are named later.
	FitsAny(ctx context.Context, layer digest.Digest) error
	// Usage is what the layer occupies on disk.
	Usage(ctx context.Context, layer digest.Digest) (bytes, inodes int64, err error)
	// Unpack fills dir with a whole layer in overlayfs form, after checking
	// its digest; lowers are below it, the uppermost first. It returns the
	// DiffID of what it unpacked, "" if unknown.
	Unpack(ctx context.Context, ref index.LayerRef, dir string, lowers []index.Lower) (digest.Digest, error)
}
