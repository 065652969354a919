// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const sealName = "sealed"

// ErrIncomplete says that a store cannot be sealed: spans are missing.
var ErrIncomplete = errors.New("layer is not whole")

// Seal makes a whole layer survive a loss of power: it syncs the file system
// and then records that it did. It does nothing for a sealed store, and
// returns [ErrIncomplete] while spans are missing. It may take seconds.
func (s *Store) Seal() error {
	if s.Sealed() {
		return nil
	}
	if n, _ := s.Missing(); n > 0 {
		return fmt.Errorf("seal %s: %w: %d spans missing", s.dir, ErrIncomplete, n)
	}
	if err := s.seal(); err != nil {
		return fmt.Errorf("seal %s: %w", s.dir, err)
	}
	s.sealed.Store(true)
	return nil
}

// Sealed says whether the layer was sealed, by this or an earlier process.
func (s *Store) Sealed() bool { return s.sealed.Load() }

func (s *Store) seal() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("syncfs: %w", err)
	}
	const tmp = sealName + ".tmp"
	if err := writeSynced(s.root, tmp, s.layout.seal()); err != nil {
		return err
	}
	if err := s.root.Rename(tmp, sealName); err != nil {
		return err
	}
	return dir.Sync()
}

// unseal takes the record back, so that a span can be missing again.
func (s *Store) unseal() error {
	if !s.sealed.CompareAndSwap(true, false) {
		return nil
	}
	err := s.root.Remove(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// seal is the content of the record: the layout it is valid for.
func (l layout) seal() []byte { return []byte(hex.EncodeToString(l.spans[:]) + "\n") }

// isSealed says whether the record is there and of this layout.
func isSealed(root *os.Root, l layout) (bool, error) {
	b, err := root.ReadFile(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return bytes.Equal(b, l.seal()), nil
}

// writeSynced writes a file and syncs it.
func writeSynced(root *os.Root, name string, b []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
