// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/index"
)

// impliedMode is the mode of a directory that nothing describes.
const impliedMode = 0o755

// Fits says whether a mounted layer may stay lazy above lowers, the uppermost
// first.
//
// A layer can have a file in /tmp without an entry for /tmp itself. Unpacking
// gives the directory the owner, mode and xattrs that it has below. A lazy
// layer is shared by images whose layers below differ, so it shows 0755 and
// 0:0, and would hide what is below: the error then matches [index.ErrNotLazy]
// and names the directory. The root of a layer has the owner of the one below,
// and always 0755, whatever the archive says.
//
// A directory of the layer can hide one below it (opaque). Where there is one, and the
// layer does not say so to the kernel (see hideXattrs), the error is such a one too.
func (f *FileSystem) Fits(ctx context.Context, layer digest.Digest, lowers []index.Lower) error {
	implied, opaque, err := f.directories(ctx, layer)
	stack := f.below(ctx, lowers)
	if err == nil && len(lowers) > 0 {
		err = fits(ctx, implied, stack)
	}
	if err == nil {
		err = f.hideXattrs(ctx, layer, opaque, stack)
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", layer, err)
	}
	return nil
}

// FitsAny is Fits for a layer of which it is not known yet what is below.
func (f *FileSystem) FitsAny(ctx context.Context, layer digest.Digest) error {
	if err := f.decideXattrs(ctx, layer, "it is not known what is below"); err != nil {
		return fmt.Errorf("layer %s: %w", layer, err)
	}
	return nil
}

// fits compares every implied directory, and the root.
func fits(ctx context.Context, dirs []string, stack *below.Stack) error {
	if d, err := stack.Root(); err != nil {
		return err
	} else if d.UID != 0 || d.GID != 0 {
		return fmt.Errorf("%w: its root directory belongs to %d:%d below", index.ErrNotLazy, d.UID, d.GID)
	}
	for _, dir := range dirs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d, ok, err := stack.Find(dir)
		if err != nil {
			return fmt.Errorf("%w: directory /%s, which it does not describe, cannot be looked up below: %w",
				index.ErrNotLazy, dir, err)
		}
		if xattr := shownXattr(d); ok && (d.Mode != impliedMode || d.UID != 0 || d.GID != 0 || xattr != "") {
			return fmt.Errorf("%w: it does not describe directory /%s, which is %04o of %d:%d%s below",
				index.ErrNotLazy, dir, d.Mode, d.UID, d.GID, xattr)
		}
	}
	return nil
}

// shownXattr names an xattr of d that counts, "" if there is none. Those of
// the host do not: overlayfs's, and SELinux's label, which files get from where
// they are.
func shownXattr(d below.Directory) string {
	for _, x := range d.Xattrs {
		if x.Name != "security.selinux" && !strings.HasPrefix(x.Name, "user.overlay.") {
			return fmt.Sprintf(" with %.100q", x.Name)
		}
	}
	return ""
}

// below is lowers to be asked, for as long as their owners keep them.
func (f *FileSystem) below(ctx context.Context, lowers []index.Lower) *below.Stack {
	layers := make([]below.Layer, len(lowers))
	for i, l := range lowers {
		if l.Layer == "" {
			layers[i] = below.Dir(l.Dir)
			continue
		}
		layers[i] = func(path string) (below.Directory, error) { return f.lookup(ctx, l.Layer, path) }
	}
	return below.New(layers)
}

// lookup finds a directory of a mounted layer. It has the layer's lock only
// meanwhile: callers go through many layers in any order.
func (f *FileSystem) lookup(ctx context.Context, d digest.Digest, path string) (below.Directory, error) {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return below.Directory{}, err
	}
	defer done()
	switch e := f.entry(d); {
	case e != nil && e.plain != nil:
		return below.Dir(e.plain.dir)(path)
	case e != nil && e.served != nil:
		return below.Tree(e.served.layer.Tree())(path)
	default:
		return below.Directory{}, notMounted(d)
	}
}
