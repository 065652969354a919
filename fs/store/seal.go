// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"crypto/sha256"
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
	if err := s.seal(s.layout.seal()); err != nil {
		return fmt.Errorf("seal %s: %w", s.dir, err)
	}
	s.sealed.Store(true)
	return s.stillWhole()
}

// stillWhole says whether a store that was sealed just now lost nothing meanwhile.
// If it did, it is no longer sealed.
func (s *Store) stillWhole() error {
	n, _ := s.Missing()
	if n == 0 {
		return nil
	}
	err := fmt.Errorf("%w: %d spans were lost meanwhile", ErrIncomplete, n)
	return fmt.Errorf("seal %s: %w", s.dir, errors.Join(err, s.unseal()))
}

// SealProven is Seal for a layer that is proven and finished: [Plain] will say
// so from then on.
func (s *Store) SealProven() error {
	if s.Proven() {
		return nil
	}
	if n, _ := s.Missing(); n > 0 {
		return fmt.Errorf("seal %s: %w: %d spans missing", s.dir, ErrIncomplete, n)
	}
	bytes, inodes := s.Usage()
	if err := s.seal(s.layout.sealProven(bytes, inodes)); err != nil {
		return fmt.Errorf("seal %s: %w", s.dir, err)
	}
	s.proven.Store(true)
	s.sealed.Store(true)
	return s.stillWhole()
}

// Proven says whether the layer was sealed as proven, by this or an earlier
// process.
func (s *Store) Proven() bool { return s.proven.Load() }

// Plain says whether the store in directory dir was sealed as proven, and what
// its files occupy on disk. It needs neither tree nor spans.
func Plain(dir string) (bytes, inodes int64, ok bool) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, 0, false
	}
	defer func() { _ = root.Close() }()
	b, err := root.ReadFile(sealName)
	if err != nil {
		return 0, 0, false
	}
	var layout string
	n, _ := fmt.Sscanf(string(b), sealProvenFormat, &layout, &bytes, &inodes)
	if n < 3 || len(layout) != hex.EncodedLen(sha256.Size) || bytes < 0 || inodes < 0 {
		return 0, 0, false
	}
	return bytes, inodes, true
}

// sealProvenFormat is the record of a proven layer: layout, bytes, inodes.
const sealProvenFormat = "%s proven %d %d\n"

// Sealed says whether the layer was sealed, by this or an earlier process.
func (s *Store) Sealed() bool { return s.sealed.Load() }

// seal syncs everything and puts record in place.
func (s *Store) seal(record []byte) error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("syncfs: %w", err)
	}
	const tmp = sealName + ".tmp"
	if err := writeSynced(s.root, tmp, record); err != nil {
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
	s.proven.Store(false)
	err := s.root.Remove(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// seal is the content of the record: the layout it is valid for.
func (l layout) seal() []byte { return []byte(hex.EncodeToString(l.spans[:]) + "\n") }

func (l layout) sealProven(bytes, inodes int64) []byte {
	return fmt.Appendf(nil, sealProvenFormat, hex.EncodeToString(l.spans[:]), bytes, inodes)
}

// isSealed says whether the record is there and of this layout, and whether it
// is that of a proven layer.
func isSealed(root *os.Root, l layout) (sealed, proven bool, err error) {
	b, err := root.ReadFile(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	rest, proven := bytes.CutPrefix(b, []byte(hex.EncodeToString(l.spans[:])+" proven "))
	return proven && len(rest) > 0 || bytes.Equal(b, l.seal()), proven, nil
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
