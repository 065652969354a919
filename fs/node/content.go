// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"context"

	"github.com/spryd/spry/index/toc"
)

// Content reads the regular files of a tree.
type Content interface {
	// ReadAt fills p from offset off of file id, or returns an error: there
	// are no short reads, and 0 <= off, off+len(p) <= size always holds. It
	// may block, and then returns soon after ctx is done, with an error that
	// matches context.Canceled. Safe for concurrent use. It does not keep p.
	ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error
}
