// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// Restore gives owner back what an earlier process had mounted for it, from
// what is on disk alone. Even if it fails, the layer then has that owner: Sweep
// keeps it, and [FileSystem.Check] tries again. A layer that is not on this
// host matches errdefs.ErrNotFound.
func (f *FileSystem) Restore(ctx context.Context, layer digest.Digest, owner string) error {
	_, done, err := f.begin(ctx, layer)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer done()
	e := f.entry(layer)
	if e == nil {
		e = f.newEntry(record{Layer: layer})
	}
	f.put(e, e.record, owner)
	f.mu.Lock()
	e.handed = time.Now() // the predecessor may have done it a moment ago
	f.mu.Unlock()
	if err := f.revive(e, false); err != nil {
		if errors.Is(err, errUnusable) {
			f.healLater(layer)
		}
		return fmt.Errorf("restore layer %s: %w", layer, err)
	}
	return nil
}

// Check says whether the layer can be given to a new container, after
// mounting it again if its mount died. Unknown layers match
// errdefs.ErrNotFound.
func (f *FileSystem) Check(ctx context.Context, layer digest.Digest) error {
	_, done, err := f.begin(ctx, layer)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer done()
	e := f.entry(layer)
	if e == nil {
		return fmt.Errorf("check: %w", notMounted(layer))
	}
	if err := f.revive(e, true); err != nil {
		return fmt.Errorf("check layer %s: %w", layer, err)
	}
	return nil
}

// revive makes sure that the layer of e is mounted. forNew containers a condemned
// one is refused; those of an earlier process may use it.
func (f *FileSystem) revive(e *entry, forNew bool) error {
	rec, err := e.record, error(nil)
	if rec.Ztoc == "" {
		rec, err = loadRecord(f.dir(rec.Layer), rec.Layer)
	}
	if c, lies := f.condemned.find(rec.Layer, rec.Ztoc); lies && forNew {
		return c.Err()
	}
	s := e.served
	if e.plain != nil || s != nil && s.alive() {
		return nil
	}
	if err == nil && s == nil && f.restorePlain(e, rec) {
		f.idle.forget(rec.Layer)
		return nil
	}
	switch {
	case err != nil:
	case s != nil:
		err = f.remount(s, rec.Layer)
	default:
		s, err = f.serve(rec, nil)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e.served, e.err = s, err
	if err == nil {
		e.record = rec
		f.idle.forget(rec.Layer)
	}
	return err
}

// remount replaces a dead mount; reading and fetching go on meanwhile.
func (f *FileSystem) remount(s *served, d digest.Digest) error {
	if s.session != nil {
		if err := s.session.Unmount(); err != nil {
			return err
		}
	}
	if err := f.mount(s, d); err != nil {
		return errors.Join(errors.New("mount again"), err)
	}
	return nil
}
