// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"

	"github.com/spryd/spry/fs/unpack"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/toc"
)

// maxContent bounds the contents of an image's small layers that are looked
// into when it is pulled, in bytes.
const maxContent = 16 << 20

// smallContent is a layer that is unpacked, as fs/program sees it: the
// application's own files are mostly in one, and say what is read of the
// others. It is a [program.Layer].
type smallContent struct {
	followed
	tar  []byte
	tree *toc.Tree
}

// newSmallContent reads a layer's blob, whose content must be at most limit
// bytes.
func newSmallContent(blob []byte, limit int64) (*smallContent, error) {
	tar, err := unpack.Decompress(blob, limit)
	if err != nil {
		return nil, err
	}
	e := build.NewEntries()
	defer e.Close()
	if err := e.Push(tar); err != nil {
		return nil, err
	}
	entries, err := e.Finish()
	if err != nil {
		return nil, err
	}
	tree, err := toc.NewTree(entries)
	if err != nil {
		return nil, err
	}
	return &smallContent{tar: tar, tree: tree}, nil
}

// Tree is the layer's file table.
func (c *smallContent) Tree() *toc.Tree { return c.tree }

// Ahead has nothing to do.
func (c *smallContent) Ahead(context.Context, toc.NodeID, int64, int64) error { return nil }

// Around is nothing: no read misses.
func (c *smallContent) Around(_ toc.NodeID, off int64) (from, n int64) { return off, 0 }

// ReadAt fills p with the content of file id at off.
func (c *smallContent) ReadAt(_ context.Context, id toc.NodeID, p []byte, off int64) error {
	data, size := c.tree.Data(id)
	if off < 0 || off > size-int64(len(p)) || int64(data)+size > int64(len(c.tar)) {
		return fmt.Errorf("%d bytes at %d of %q, which has %d", len(p), off, c.tree.Path(id), size)
	}
	copy(p, c.tar[int64(data)+off:])
	return nil
}
