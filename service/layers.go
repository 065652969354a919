// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs"
	"github.com/spryd/spry/snapshot"
)

// layers is the file system as the snapshotter wants it; neither of the two
// knows the other.
type layers struct{ *fs.FileSystem }

var _ snapshot.FileSystem = layers{}

// Usage is in the snapshotter's form.
func (l layers) Usage(ctx context.Context, layer digest.Digest) (bytes, inodes int64, err error) {
	u, err := l.FileSystem.Usage(ctx, layer)
	return u.Bytes, u.Inodes, err
}
