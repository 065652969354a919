// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc"
)

// noXattrsName in a layer's directory says that its extended attributes are
// hidden. It need not survive a power loss: the FUSE mount does not either.
const noXattrsName = "noxattrs"

// xattrs says whether the FUSE mounts of a layer show its extended attributes:
// see hideXattrs. To show them is always right.
type xattrs int

const (
	xattrsShown     xattrs = iota
	xattrsUndecided        // shown, but no image's layers were compared with this one yet
	xattrsHidden           // maybe not in all mounts; above no layers of which they hide something
)

// hideXattrs has a layer show no extended attributes, if all that it has mark
// directories as opaque which no layer below it has, so that nothing is to be
// hidden. Overlayfs marks every directory that it makes, so many layers have some;
// and a kernel that was not told that there are none asks for attributes of each
// file that it finds: a third of all requests of a start.
//
// That is decided with the first layers below it that are seen. Later ones which have
// such a directory get an error that matches [index.ErrNotLazy].
func (f *FileSystem) hideXattrs(ctx context.Context, d digest.Digest, opaque []string, stack *below.Stack) error {
	for _, dir := range opaque {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, ok, err := stack.Find(dir); ok || err != nil {
			return f.decideXattrs(ctx, d, fmt.Sprintf("directory /%s is below", dir))
		}
	}
	return f.decideXattrs(ctx, d, "")
}

// opaquePaths lists the opaque directories of a layer, if its attributes are hidden or
// may be. The caller has the lock of its digest.
func (e *entry) opaquePaths(tree *toc.Tree) []string {
	if e.xattrs == xattrsShown {
		return nil
	}
	dirs, ok := tree.OnlyOpaque()
	if !ok {
		e.xattrs = xattrsShown
	}
	return sortedPaths(tree, dirs)
}

// decideXattrs decides about the attributes of a layer, if that was not done; needed
// says why they must be shown above the layers in question, "" that they need not.
func (f *FileSystem) decideXattrs(ctx context.Context, d digest.Digest, needed string) error {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	e := f.entry(d)
	switch {
	case e == nil:
		return notMounted(d)
	case e.served != nil && e.served.imageBytes() > 0:
		return f.showXattrs(d, e)
	case e.xattrs == xattrsHidden && needed != "":
		return fmt.Errorf("%w: its opaque directories are not shown, as they hid nothing in other images, but %s", index.ErrNotLazy, needed)
	case e.xattrs != xattrsUndecided:
		return nil
	case needed != "" || e.served == nil || !e.served.layer.Tree().HasXattrs():
		e.xattrs = xattrsShown
		return nil
	}
	if err := f.storeHidden(d); err != nil {
		return err
	}
	e.xattrs = xattrsHidden
	e.served.noXattrs.Store(true)
	return nil
}

// showXattrs notes that a layer shows its attributes, as an EROFS image does: nobody asks
// for them there.
func (f *FileSystem) showXattrs(d digest.Digest, e *entry) error {
	e.xattrs = xattrsShown
	if err := os.Remove(filepath.Join(f.dir(d), noXattrsName)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// storeHidden has the next process know that attributes of a layer are hidden.
func (f *FileSystem) storeHidden(d digest.Digest) error {
	return os.WriteFile(filepath.Join(f.dir(d), noXattrsName), nil, 0o600)
}

// storedXattrs is what an earlier process decided about the attributes of a layer.
func (f *FileSystem) storedXattrs(d digest.Digest) xattrs {
	if _, err := os.Lstat(filepath.Join(f.dir(d), noXattrsName)); err != nil {
		return xattrsShown
	}
	return xattrsHidden
}
