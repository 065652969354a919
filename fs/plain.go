// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/store"
)

// plain is a layer whose directory is what an unpack leaves: new containers
// get the directory. Immutable.
type plain struct {
	dir string
	// alias is a short path that shows dir too, in place of the mount that
	// was there; "" if there is none.
	alias string
	usage Usage
	// diffID is what the layer decompresses to; "" if that is not known.
	diffID digest.Digest
	// err says why the FUSE mount stays.
	err error
}

// findPlain is layer d if it is plain on disk, or nil.
func (f *FileSystem) findPlain(d digest.Digest) *plain {
	p, ok := store.ReadPlain(f.dir(d))
	dir := filepath.Join(f.dir(d), "fs")
	if st, err := os.Lstat(dir); !ok || err != nil || !st.IsDir() {
		return nil
	}
	if st, err := os.Stat(filepath.Join(f.dir(d), indexName)); err == nil {
		p.Bytes += st.Size()
	}
	return &plain{dir: dir, usage: Usage{Bytes: p.Bytes, Inodes: p.Inodes}, diffID: p.DiffID}
}

// restorePlain takes over a plain layer of an earlier process: it needs
// neither index nor FUSE, unless that process left containers that do.
func (f *FileSystem) restorePlain(e *entry, rec record) bool {
	p := f.findPlain(rec.Layer)
	if p == nil {
		return false
	}
	var s *served
	id := identity(rec)
	if slices.ContainsFunc(f.options.Session.Orphans(), func(o session.Orphan) bool { return o.Identity == id }) {
		var err error
		if s, err = f.serve(rec, nil); err != nil {
			log.L.WithField("layer", rec.Layer.String()).WithError(err).Error("containers that read layer through FUSE are lost")
			s = nil
		}
	}
	switch {
	case s == nil:
		p.alias = f.makeAlias(rec.Layer, p.dir)
	case same(s.mountpoint, p.dir):
		p.alias = s.mountpoint
		fallthrough
	default:
		s.inherited = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e.record, e.plain, e.served, e.err = rec, p, s, nil
	return true
}

// toPlain makes new containers use the directory of a layer that has become
// plain. When every mount that was told of its FUSE mount has been made, the
// directory takes its place, and what served it is freed once nobody uses it.
//
// It may not take its place at once: overlayfs refuses a lower directory whose
// mount goes while it is being mounted (EINVAL, seen in practice).
func (f *FileSystem) toPlain(d digest.Digest, s *served) {
	var settled time.Duration
	use := func(e *entry) { settled = f.startPlain(d, e) }
	if !f.whileServed(d, s, use) {
		return
	}
	grace, cancel := context.WithTimeout(f.lifetime, settled)
	defer cancel()
	if <-grace.Done(); f.lifetime.Err() != nil {
		return
	}
	var ended <-chan struct{} // of the session, if it ends by itself
	use = func(e *entry) {
		if f.replace(d, e) {
			ended = s.session.Done()
		}
	}
	if !f.whileServed(d, s, use) || ended == nil || !f.wait(ended) {
		return
	}
	f.whileServed(d, s, func(e *entry) {
		if err := s.retire(); err != nil {
			log.L.WithField("layer", d.String()).WithError(err).Warn("layer is not freed")
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		e.served = nil
	})
}

// whileServed calls do with the lock of d, if s still serves it.
func (f *FileSystem) whileServed(d digest.Digest, s *served, do func(*entry)) bool {
	_, done, err := f.begin(f.lifetime, d)
	if err != nil {
		return false
	}
	defer done()
	e := f.entry(d)
	if e == nil || e.served != s {
		return false
	}
	do(e)
	return true
}

// wait waits for what; false if the file system ends before.
func (f *FileSystem) wait(what <-chan struct{}) bool {
	select {
	case <-what:
		return true
	case <-f.lifetime.Done():
		return false
	}
}

// DiffID is what layer d decompresses to: "" if that is not known, which it is when
// the layer is plain.
func (f *FileSystem) DiffID(d digest.Digest) digest.Digest {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.entries[d]; e != nil && e.plain != nil {
		return e.plain.diffID
	}
	return ""
}

// startPlain makes new containers use the directory of the layer, and returns
// how long older mounts may still be under way.
func (f *FileSystem) startPlain(d digest.Digest, e *entry) time.Duration {
	p := f.findPlain(d)
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.plain == nil {
		e.plain = p
	}
	return time.Until(e.handed.Add(f.options.MountGrace))
}

// replace puts the directory in the place of the FUSE mount, and says whether
// that may end by itself.
func (f *FileSystem) replace(d digest.Digest, e *entry) bool {
	if e.plain == nil || e.plain.alias != "" {
		return false
	}
	p, s := *e.plain, e.served
	if p.err = replaceMount(p.dir, s); p.err == nil {
		p.alias = s.mountpoint
	} else {
		log.L.WithField("layer", d.String()).WithField("mountpoint", s.mountpoint).WithError(p.err).Warn("FUSE mount of plain layer stays")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e.plain = &p
	return p.err == nil && !s.inherited
}

// replaceMount puts dir in the place of the mount of s. Who looks there sees one or
// the other; overlays above the old mount keep it.
func replaceMount(dir string, s *served) error {
	if !s.alive() {
		return errors.New("mount is not there any more")
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("open_tree: %w", err)
	}
	defer func() { _ = unix.Close(tree) }()
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &readOnly); err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	const beneath = 0x200 // MOVE_MOUNT_BENEATH, Linux 6.5
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, s.mountpoint, unix.MOVE_MOUNT_F_EMPTY_PATH|beneath); err != nil {
		return fmt.Errorf("move_mount beneath: %w", err)
	}
	if err := unix.Unmount(s.mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return nil
}

// makeAlias makes a short path to a plain directory, "" if that is not
// possible. A mount of it that another process left will do.
func (f *FileSystem) makeAlias(d digest.Digest, dir string) string {
	path := f.mountpoint(d)
	if same(path, dir) {
		return path
	}
	removeAlias(path)
	target, err := filepath.Rel(filepath.Dir(path), dir)
	if err == nil {
		err = os.Symlink(target, path)
	}
	if err != nil {
		log.L.WithField("layer", d.String()).WithField("mountpoint", path).WithError(err).Warn("layer has no short path")
		return ""
	}
	return path
}

// same says whether both paths lead to one directory. It asks the kernel only:
// one of them may be a mount that nobody serves.
func same(a, b string) bool {
	var x, y unix.Statx_t
	for path, st := range map[string]*unix.Statx_t{a: &x, b: &y} {
		if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, st); err != nil {
			return false
		}
	}
	return x.Ino == y.Ino && x.Dev_major == y.Dev_major && x.Dev_minor == y.Dev_minor
}

// removeAlias removes what stands for a plain layer at path: a link, or a
// directory with mounts on it. What is neither stays.
func removeAlias(path string) {
	for unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
		continue // until it is no mount; a link is none
	}
	_ = os.Remove(path)
}

// retire closes what served a mount that nobody uses any more.
func (s *served) retire() error {
	s.session = nil
	return errors.Join(s.layer.Close(), s.index.close())
}

// Short is a path to the directory of the layer that is short, for mounts of
// many layers; Dir's if there is no other.
func (f *FileSystem) Short(d digest.Digest) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.entries[d]; e != nil && e.plain != nil && e.plain.alias != "" {
		return e.plain.alias, nil
	}
	return f.dirLocked(d)
}
