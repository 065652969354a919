// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
)

// directories lists those of a mounted layer that are looked for in the layers below,
// as slash separated paths relative to its root, sorted. The implied ones are those that
// no entry of its archive describes, without the root: the mount shows them as
// 0755 and 0:0, where unpacking takes their attributes from below. The opaque ones are
// those of entry.opaquePaths. A layer that is not mounted matches
// errdefs.ErrNotFound.
func (f *FileSystem) directories(ctx context.Context, d digest.Digest) (implied, opaque []string, err error) {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	e := f.entry(d)
	switch {
	case e != nil && e.served != nil:
		tree := e.served.layer.Tree()
		return impliedPaths(tree), e.opaquePaths(tree), nil
	case e != nil && e.plain != nil:
		ix, err := f.openIndex(e.record)
		if err != nil {
			return nil, nil, err
		}
		tree := ix.layer.Tree()
		return impliedPaths(tree), e.opaquePaths(tree), ix.close()
	default:
		return nil, nil, notMounted(d)
	}
}

func impliedPaths(tree *toc.Tree) []string {
	var ids []toc.NodeID
	for id := toc.RootID + 1; id <= toc.NodeID(tree.Len()); id++ {
		if tree.Implied(id) {
			ids = append(ids, id)
		}
	}
	return sortedPaths(tree, ids)
}

// sortedPaths are the paths of nodes; they do not need the tree any more.
func sortedPaths(tree *toc.Tree, ids []toc.NodeID) []string {
	var paths []string
	for _, id := range ids {
		paths = append(paths, strings.Clone(tree.Path(id)))
	}
	slices.Sort(paths)
	return paths
}
