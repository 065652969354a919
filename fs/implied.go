// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
)

// implied lists the directories of a mounted layer that no entry of its archive
// describes, without the root: slash separated paths relative to it, sorted.
// The mount shows them as 0755 and 0:0, where unpacking takes their attributes
// from the layers below. A layer that is not mounted matches
// errdefs.ErrNotFound.
func (f *FileSystem) implied(ctx context.Context, d digest.Digest) (paths []string, err error) {
	_, done, err := f.begin(ctx, d)
	if err == nil {
		defer done()
		err = f.withTree(d, func(_ *entry, tree *toc.Tree) { paths = impliedPaths(tree) })
	}
	if err != nil {
		return nil, fmt.Errorf("implied directories: %w", err)
	}
	return paths, nil
}

// withTree calls do with a mounted layer's entry and file table, which is not there
// afterwards. The caller has the lock of d.
func (f *FileSystem) withTree(d digest.Digest, do func(*entry, *toc.Tree)) error {
	e := f.entry(d)
	switch {
	case e != nil && e.served != nil:
		do(e, e.served.layer.Tree())
		return nil
	case e != nil && e.plain != nil:
		ix, err := f.openIndex(e.record)
		if err != nil {
			return err
		}
		do(e, ix.layer.Tree())
		return ix.close()
	default:
		return notMounted(d)
	}
}

func impliedPaths(tree *toc.Tree) []string {
	var paths []string
	for id := toc.RootID + 1; id <= toc.NodeID(tree.Len()); id++ {
		if tree.Implied(id) {
			paths = append(paths, strings.Clone(tree.Path(id))) // the tree's memory goes
		}
	}
	slices.Sort(paths)
	return paths
}
