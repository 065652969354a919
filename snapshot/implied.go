// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index"
)

// impliedMode is the mode of a directory that nothing describes.
const impliedMode = 0o755

// checkImplied says whether the mounted layer may stay lazy above the parents.
//
// A layer can have a file in /tmp without an entry for /tmp itself. Unpacking
// gives the directory the owner, mode and xattrs that it has below. A lazy
// layer is shared by images whose layers below differ, so it shows 0755 and
// 0:0, and would hide what is below: the error then matches index.ErrNotLazy
// and names the directory. The root of a layer has the owner of the one below,
// and always 0755, whatever the archive says.
func (p *pulled) checkImplied(ctx context.Context) error {
	if len(p.parents) == 0 {
		return nil
	}
	layer := p.target.ref.Layer
	implied, err := p.s.fsys.Implied(ctx, layer)
	if err != nil {
		return err
	}
	lowers, err := p.s.lowerDirs(ctx, p.parents)
	if err != nil {
		return err
	}
	b, err := openBelow(lowers)
	if err != nil {
		return err
	}
	err = b.check(ctx, implied)
	if err := errors.Join(err, b.close()); err != nil {
		return fmt.Errorf("layer %s: %w", layer, err)
	}
	return nil
}

// check compares every implied directory, and the root.
func (b *below) check(ctx context.Context, implied []string) error {
	if st, err := b.root(); err != nil {
		return err
	} else if st.Uid != 0 || st.Gid != 0 {
		return fmt.Errorf("%w: its root directory belongs to %d:%d below", index.ErrNotLazy, st.Uid, st.Gid)
	}
	for _, dir := range implied {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found, ok, err := b.find(dir)
		if err != nil {
			return fmt.Errorf("%w: directory /%s, which it does not describe, cannot be looked up below: %w",
				index.ErrNotLazy, dir, err)
		}
		if ok && !found.plain() {
			return fmt.Errorf("%w: it does not describe directory /%s, which is %s below", index.ErrNotLazy, dir, found)
		}
	}
	return nil
}

// attributes are what unpacking copies of a directory.
type attributes struct {
	mode, uid, gid uint32
	xattr          string // the name of one, "" if there is none
}

// plain says whether a lazy layer shows the very same.
func (a attributes) plain() bool {
	return a == attributes{mode: impliedMode}
}

// String describes what differs.
func (a attributes) String() string {
	s := fmt.Sprintf("%04o of %d:%d", a.mode, a.uid, a.gid)
	if a.xattr != "" {
		s += fmt.Sprintf(" with %.100q", a.xattr)
	}
	return s
}

// attributesOf reads them from an open directory.
func attributesOf(fd int) (attributes, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return attributes{}, err
	}
	xattr, err := copiedXattr(fd)
	return attributes{mode: st.Mode & 0o7777, uid: st.Uid, gid: st.Gid, xattr: xattr}, err
}
