// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spryd/spry/index/toc"
)

const (
	filePerm = 0o600
	dirPerm  = 0o700
)

// cursor opens files to write. It keeps the directory of the file before
// open, as neighbours in the stream are mostly neighbours in a directory.
type cursor struct {
	files  *os.Root // dir/fs
	tree   *toc.Tree
	parent toc.NodeID
	dir    *os.Root // of parent; nil: none, or files itself for the root
}

// create opens file id for reading and writing, making it and its parents if
// they are missing.
func (c *cursor) create(id toc.NodeID) (*os.File, error) {
	dir, err := c.enter(c.tree.Parent(id))
	if err != nil {
		return nil, err
	}
	return dir.OpenFile(c.tree.Name(id), os.O_RDWR|os.O_CREATE, filePerm)
}

// enter opens directory id.
func (c *cursor) enter(id toc.NodeID) (*os.Root, error) {
	if id == toc.RootID {
		return c.files, nil
	}
	if c.dir != nil && c.parent == id {
		return c.dir, nil
	}
	path := c.tree.Path(id)
	dir, err := c.files.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = c.files.MkdirAll(path, dirPerm); err == nil {
			dir, err = c.files.OpenRoot(path)
		}
	}
	if err != nil {
		return nil, err
	}
	c.close()
	c.dir, c.parent = dir, id
	return dir, nil
}

func (c *cursor) close() {
	if c.dir != nil {
		_ = c.dir.Close()
		c.dir = nil
	}
}
