// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
)

// Implied lists the directories of a mounted layer that no entry of its archive
// describes, without the root: slash separated paths relative to it, sorted.
// The mount shows them as 0755 and 0:0, where unpacking takes their attributes
// from the layers below. A layer that is not mounted matches
// errdefs.ErrNotFound.
func (f *FileSystem) Implied(ctx context.Context, d digest.Digest) ([]string, error) {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("implied directories: %w", err)
	}
	defer done()
	e := f.entry(d)
	if e == nil || e.served == nil {
		return nil, fmt.Errorf("implied directories: %w", notMounted(d))
	}
	tree := e.served.layer.Tree()
	var paths []string
	for id := toc.RootID + 1; id <= toc.NodeID(tree.Len()); id++ {
		if tree.Implied(id) {
			paths = append(paths, tree.Path(id))
		}
	}
	slices.Sort(paths)
	return paths, nil
}
