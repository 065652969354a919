// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

const filesName = "fs"

// Open opens the store in directory dir, which it makes if it is missing. tree
// and layer must be of the same layer, and the same each time. What is on disk
// is used if it is of this layer and survives (see the package comment);
// otherwise the store starts empty. The caller owns the result.
func Open(dir string, tree *toc.Tree, layer span.Layer) (*Store, error) {
	boot, err := BootID()
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return open(dir, tree, layoutOf(layer, boot), layer)
}

// open is Open in a given boot.
func open(dir string, tree *toc.Tree, l layout, layer span.Layer) (*Store, error) {
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir, root: root, tree: tree, layer: layer, layout: l,
		present: make([]atomic.Bool, layer.Len()), usage: newUsage(tree, layer)}
	s.handles.open = make(map[toc.NodeID]*handle)
	if err := s.load(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, nil
}

// load takes over what is on disk, or starts empty.
func (s *Store) load() error {
	if err := s.readSeal(); err != nil {
		return err
	}
	marks, stamps, err := readBitmap(s.root, s.layout)
	if err != nil {
		return err
	}
	switch {
	case s.Sealed():
		// The boot may be another one: write the record of this one.
		marks = bytes.Repeat([]byte{written}, s.layer.Len())
		stamps = stamps || s.Proven()
		s.bitmap, err = writeBitmap(s.root, s.layout, marks, stamps)
	case marks != nil:
		s.bitmap, err = openBitmap(s.root)
	default:
		marks, stamps = make([]byte, s.layer.Len()), true
		s.bitmap, err = s.startEmpty(marks)
	}
	if err != nil {
		return err
	}
	s.stamps.Store(stamps)
	if s.files, err = openFiles(s.root); err != nil {
		_ = s.bitmap.close()
		return err
	}
	s.count(marks)
	for id, mark := range marks {
		if mark == writing {
			s.restamp(s.layer.Span(span.ID(id)))
			if err := s.bitmap.mark(span.ID(id), 0); err != nil {
				return errors.Join(err, s.files.Close(), s.bitmap.close())
			}
		}
	}
	return nil
}

// startEmpty removes what is there, then records that nothing is.
func (s *Store) startEmpty(marks []byte) (*bitmap, error) {
	for _, name := range []string{sealName, filesName} {
		if err := s.root.RemoveAll(name); err != nil {
			return nil, err
		}
	}
	return writeBitmap(s.root, s.layout, marks, true)
}

func openFiles(root *os.Root) (*os.Root, error) {
	if err := root.Mkdir(filesName, dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return root.OpenRoot(filesName)
}

// count fills in the counters.
func (s *Store) count(marks []byte) {
	for id := range span.ID(s.layer.Len()) {
		sp := s.layer.Span(id)
		if marks[id] == written {
			s.present[id].Store(true)
			s.usage.add(s.tree, sp)
			continue
		}
		s.missingSpans.Add(1)
		s.missingBytes.Add(sp.CompressedSize())
	}
}
