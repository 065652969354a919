// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc"
)

// noXattrsName in a layer's directory says that its FUSE mount shows no extended
// attributes. It need not survive a power loss: the mount does not either.
const noXattrsName = "noxattrs"

// unknownBelow, in place of a directory, says that any may be below.
const unknownBelow = "(not known)"

// hideXattrs has a layer show no extended attributes, if all that it has mark
// directories as opaque which no layer below it has, so that nothing is to be
// hidden. Overlayfs marks every directory that it makes, so many layers have some;
// and a kernel that was not told that there are none asks for attributes of each
// file that it finds: a third of all requests of a start.
//
// That is decided with the first layers below it that are seen. Later ones which have
// such a directory get an error that matches [index.ErrNotLazy].
func (f *FileSystem) hideXattrs(ctx context.Context, d digest.Digest, stack *below.Stack) error {
	dirs, err := f.opaque(ctx, d)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, ok, err := stack.Find(dir); ok || err != nil {
			return f.decideXattrs(ctx, d, dir)
		}
	}
	return f.decideXattrs(ctx, d, "")
}

// opaque lists the opaque directories of a layer whose extended attributes are
// hidden or may be: sorted paths relative to its root.
func (f *FileSystem) opaque(ctx context.Context, d digest.Digest) ([]string, error) {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return nil, err
	}
	defer done()
	var paths []string
	err = f.withTree(d, func(e *entry, tree *toc.Tree) {
		if !e.undecided && !f.hidesXattrs(d) {
			return
		}
		dirs, ok := tree.OnlyOpaque()
		if !ok {
			e.undecided = false
		}
		for _, id := range dirs {
			paths = append(paths, strings.Clone(tree.Path(id))) // the tree's memory goes
		}
	})
	slices.Sort(paths)
	return paths, err
}

// decideXattrs decides about the attributes of a layer, if that was not done, for
// layers below it that have dir, "" for none of its opaque directories.
func (f *FileSystem) decideXattrs(ctx context.Context, d digest.Digest, dir string) error {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	e := f.entry(d)
	if e == nil {
		return notMounted(d)
	}
	undecided := e.undecided
	e.undecided = false
	switch {
	case dir != "" && f.hidesXattrs(d):
		return fmt.Errorf("%w: it does not hide directory /%s below it, as other images do not have that", index.ErrNotLazy, dir)
	case dir != "" || !undecided || e.served == nil || !e.served.layer.Tree().HasXattrs():
		return nil
	}
	if err := os.WriteFile(filepath.Join(f.dir(d), noXattrsName), nil, 0o600); err != nil {
		return err
	}
	e.served.noXattrs.Store(true)
	return nil
}

// hidesXattrs says whether the FUSE mount of a layer shows no extended
// attributes, though it may have some.
func (f *FileSystem) hidesXattrs(d digest.Digest) bool {
	_, err := os.Lstat(filepath.Join(f.dir(d), noXattrsName))
	return err == nil
}
