// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Store is the disk store of one layer. Open one with [Open] and close it. All
// methods are safe for concurrent use, but only one Store may be open for a
// directory.
type Store struct {
	dir    string
	root   *os.Root // dir
	files  *os.Root // dir/fs
	tree   *toc.Tree
	layer  span.Layer
	layout layout
	bitmap *bitmap
	usage  *usage

	handles      handles
	writing      [64]sync.Mutex // by file: see lockWriting
	present      []atomic.Bool  // by span
	stamps       atomic.Bool    // files have stamps: none of an earlier version
	sealed       atomic.Bool
	proven       atomic.Bool   // and finished
	diffID       digest.Digest // of the seal that was there at first; "": unknown
	losses       atomic.Int64
	missingSpans atomic.Int64
	missingBytes atomic.Int64

	// use is held for reading by what uses the files, and for writing by
	// Close, which so waits for it.
	use    sync.RWMutex
	closed bool // guarded by use
}

// Has says whether span id is written. It does no I/O.
func (s *Store) Has(id span.ID) bool { return s.present[id].Load() }

// Missing is how much is not written yet: spans, and their size in the blob
// in bytes.
func (s *Store) Missing() (spans int, bytes int64) {
	return int(s.missingSpans.Load()), s.missingBytes.Load()
}

// Losses grows whenever something that was written is not there any more. What
// was read in between may be anything.
func (s *Store) Losses() int64 { return s.losses.Load() }

// Usage is about how much disk space and how many inodes the files occupy. It
// does no I/O.
func (s *Store) Usage() (bytes, inodes int64) { return s.usage.total() }

// Dir is the directory that becomes what unpacking the layer would leave.
func (s *Store) Dir() string { return filepath.Join(s.dir, filesName) }

// Scratch makes a file without a name on the disk of the store.
func (s *Store) Scratch() (*os.File, error) {
	fd, err := unix.Open(s.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, filePerm)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: s.dir, Err: err}
	}
	return os.NewFile(uintptr(fd), s.dir), nil
}

// Put writes the decoded bytes of span id, all of them, and records the span.
// A span that is written already is left alone. On an error (such as ENOSPC)
// the span is not recorded, and Put may be called again.
func (s *Store) Put(id span.ID, out []byte) error {
	if s.Has(id) {
		return nil
	}
	s.use.RLock()
	defer s.use.RUnlock()
	sp := s.layer.Span(id)
	switch {
	case s.closed:
		return fmt.Errorf("store span %d: %w", id, os.ErrClosed)
	case int64(len(out)) != sp.UncompressedSize():
		return fmt.Errorf("store span %d: got %d bytes, want %d", id, len(out), sp.UncompressedSize())
	}
	err := s.bitmap.mark(id, writing)
	if err == nil {
		err = s.write(sp, out)
	}
	if err == nil {
		err = s.bitmap.mark(id, written)
	}
	if err != nil {
		return fmt.Errorf("store span %d in %s: %w", id, s.dir, err)
	}
	s.usage.add(s.tree, sp)
	if s.present[id].CompareAndSwap(false, true) {
		s.missingSpans.Add(-1)
		s.missingBytes.Add(-sp.CompressedSize())
	}
	return nil
}

// write writes the file pieces that lie in sp.
func (s *Store) write(sp span.Span, out []byte) error {
	c := cursor{files: s.files, tree: s.tree}
	defer c.close()
	for id := range s.tree.Files(sp.OutStart, sp.OutEnd) {
		off, size := s.tree.Data(id)
		start, end := max(off, sp.OutStart), min(off+span.UncompressedOffset(size), sp.OutEnd)
		if err := s.writePiece(&c, id, sp.ID, out[start-sp.OutStart:end-sp.OutStart], int64(start-off)); err != nil {
			return fmt.Errorf("write %q: %w", s.tree.Path(id), err)
		}
	}
	return nil
}

// writePiece writes what span sp has of file id.
func (s *Store) writePiece(c *cursor, id toc.NodeID, sp span.ID, p []byte, off int64) error {
	h, err := s.handles.use(id, func() (*os.File, error) { return c.create(id) })
	if err != nil {
		return err
	}
	defer s.handles.done(h)
	defer s.lockWriting(id)()
	if err := s.protect(h, sp); err != nil {
		return err
	}
	_, err = h.file.WriteAt(p, off)
	// Also what a full disk ended in the middle is no stranger's.
	return errors.Join(err, s.stamp(id, h.file))
}

// ReadAt fills p with the bytes of file id at off, from disk. The caller has
// seen by Has that the spans of these bytes are written. An error says that
// the disk does not hold what was recorded: see [Store.Drop], which is done for
// all spans of a file that somebody else wrote to.
func (s *Store) ReadAt(id toc.NodeID, p []byte, off int64) error {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return fmt.Errorf("read %q: %w", s.tree.Path(id), os.ErrClosed)
	}
	return s.readAt(id, p, off)
}

// readAt is ReadAt of an open store.
func (s *Store) readAt(id toc.NodeID, p []byte, off int64) error {
	h, err := s.handles.use(id, func() (*os.File, error) { return s.openStored(id) })
	if err != nil {
		return fmt.Errorf("read stored file: %w", err)
	}
	defer s.handles.done(h)
	if _, err := h.file.ReadAt(p, off); err != nil {
		return fmt.Errorf("read %d bytes at %d: %w", len(p), off, err)
	}
	if !s.intact(h) { // asked behind the read: its bytes were there before
		return fmt.Errorf("read %q: %w", s.tree.Path(id), errors.Join(ErrForeign, s.dropFile(id)))
	}
	return nil
}

// openStored opens the file of id, which is there.
func (s *Store) openStored(id toc.NodeID) (*os.File, error) {
	return s.files.OpenFile(s.tree.Path(id), os.O_RDWR, 0)
}

// Drop takes back that span id is written, since the disk lost it: it has to
// be fetched and Put again. The store is no longer sealed.
func (s *Store) Drop(id span.ID) error {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return nil
	}
	return s.drop(id)
}

// drop is Drop of an open store.
func (s *Store) drop(id span.ID) error {
	lost := s.present[id].CompareAndSwap(true, false)
	// Also if another call was first: its caller may write to the file after this one
	// only, and what was read by then counts.
	s.losses.Add(1)
	if !lost {
		return nil
	}
	s.missingSpans.Add(1)
	s.missingBytes.Add(s.layer.Span(id).CompressedSize())
	s.handles.forget()
	return errors.Join(s.unseal(), s.bitmap.mark(id, 0))
}

// Close closes every file. It waits for calls in progress; later ones fail
// with [os.ErrClosed].
func (s *Store) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.handles.close()
	return errors.Join(s.bitmap.close(), s.files.Close(), s.root.Close())
}
