// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Finish makes [Store.Dir] of a whole layer exactly what unpacking it would
// leave: what has no content is made, everything gets its owner, extended
// attributes, mode and times, and what does not belong there goes. Reading goes
// on meanwhile. It may be called again after an error; one that matches
// [ErrIncomplete] says that the disk lost spans, which were dropped.
func (s *Store) Finish(ctx context.Context) error {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return fmt.Errorf("finish %s: %w", s.dir, os.ErrClosed)
	}
	if n, _ := s.Missing(); n > 0 {
		return fmt.Errorf("finish %s: %w: %d spans missing", s.dir, ErrIncomplete, n)
	}
	f := finisher{store: s, tree: s.tree}
	if err := f.all(ctx); err != nil {
		return fmt.Errorf("finish %s: %w", s.dir, err)
	}
	s.stamps.Store(true)
	s.usage.measured(f.bytes, f.inodes)
	return nil
}

// finisher is the state of one Finish.
type finisher struct {
	store         *Store
	tree          *toc.Tree
	bytes, inodes int64 // found on disk
}

// all makes directories from the root down, which is the order of ids, with
// what is in them; then directories get their attributes, which making
// something in them would have changed.
func (f *finisher) all(ctx context.Context) error {
	last := toc.NodeID(f.tree.Len())
	for id := toc.RootID; id <= last; id++ {
		if a, _ := f.tree.Attr(id); !a.IsDir() {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f.fill(id); err != nil {
			return err
		}
	}
	for id := last; id >= toc.RootID; id-- {
		if a, _ := f.tree.Attr(id); !a.IsDir() {
			continue
		}
		if err := f.finishDir(id); err != nil {
			return err
		}
	}
	return nil
}

// fill makes what directory id lacks.
func (f *finisher) fill(id toc.NodeID) error {
	dir, err := f.store.files.Open(f.tree.Path(id))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := f.clear(dir, id); err != nil {
		return err
	}
	for i := range f.tree.Children(id) {
		name, child := f.tree.Child(id, i)
		if err := f.make(place{dir: dir, name: name}, id, child); err != nil {
			return fmt.Errorf("%q in %q: %w", name, f.tree.Path(id), err)
		}
	}
	return nil
}

// clear removes names that the directory does not have.
func (f *finisher) clear(dir *os.File, id toc.NodeID) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	path := f.tree.Path(id)
	for _, name := range names {
		if _, ok := f.tree.Lookup(id, name); ok {
			continue
		}
		if err := f.store.files.RemoveAll(path + "/" + name); err != nil {
			return err
		}
	}
	return nil
}

// make makes child, which is name in directory parent, unless it is there.
func (f *finisher) make(at place, parent, child toc.NodeID) error {
	a, _ := f.tree.Attr(child)
	if a.IsDir() {
		return at.mkdir()
	}
	if f.tree.Parent(child) != parent || f.tree.Name(child) != at.name {
		return f.link(at, f.tree.Path(parent)+"/"+at.name, child)
	}
	st, err := at.make(a, f.tree.Readlink(child))
	if err != nil {
		return err
	}
	switch {
	case !a.IsRegular():
	case st.Size != a.Size:
		return f.lost(child, fmt.Errorf("%d bytes, want %d", st.Size, a.Size))
	case a.Size > 0 && !f.store.stamped(child, &st):
		return f.lost(child, ErrForeign)
	}
	f.bytes += st.Blocks * 512
	f.inodes++
	return at.finish(st, a, f.tree.Xattrs(child))
}

// link makes one more name of a file, whose first name was made before.
func (f *finisher) link(at place, path string, child toc.NodeID) error {
	of := f.tree.Path(child)
	first, err := f.store.files.Lstat(of)
	if err != nil {
		return err
	}
	if have, err := f.store.files.Lstat(path); err == nil {
		if os.SameFile(first, have) {
			return nil
		}
		if err := unix.Unlinkat(at.fd(), at.name, 0); err != nil {
			return err
		}
	}
	return f.store.files.Link(of, path)
}

// lost drops the spans of a file that is not what was written.
func (f *finisher) lost(id toc.NodeID, why error) error {
	if _, size := f.tree.Data(id); size == 0 {
		return why
	}
	if err := f.store.dropFile(id); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIncomplete, why)
}

// finishDir gives a directory its attributes.
func (f *finisher) finishDir(id toc.NodeID) error {
	dir, err := f.store.files.Open(f.tree.Path(id))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	a, _ := f.tree.Attr(id)
	at := place{dir: dir, name: "."}
	st, err := at.stat()
	if err != nil {
		return err
	}
	f.bytes += st.Blocks * 512
	f.inodes++
	if err := at.finish(st, a, f.tree.Xattrs(id)); err != nil {
		return fmt.Errorf("%q: %w", f.tree.Path(id), err)
	}
	return nil
}
