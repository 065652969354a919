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
	"strings"

	"github.com/opencontainers/go-digest"
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

// SealProven is Seal for a layer that is proven and finished: [ReadPlain] will say
// so from then on. diffID is what the layer decompresses to; "" keeps what an
// earlier seal said.
func (s *Store) SealProven(diffID digest.Digest) error {
	if s.Proven() {
		return nil
	}
	if n, _ := s.Missing(); n > 0 {
		return fmt.Errorf("seal %s: %w: %d spans missing", s.dir, ErrIncomplete, n)
	}
	p := Plain{DiffID: diffID}
	if p.DiffID == "" {
		p.DiffID = s.diffID
	}
	p.Bytes, p.Inodes = s.Usage()
	if err := s.seal(s.layout.sealProven(p)); err != nil {
		return fmt.Errorf("seal %s: %w", s.dir, err)
	}
	s.proven.Store(true)
	s.sealed.Store(true)
	return s.stillWhole()
}

// Proven says whether the layer was sealed as proven, by this or an earlier
// process.
func (s *Store) Proven() bool { return s.proven.Load() }

// Plain is what is known of a layer that was sealed as proven.
type Plain struct {
	// Bytes and Inodes are what its files occupy on disk.
	Bytes, Inodes int64
	// DiffID is what it decompresses to, "" if that is not known.
	DiffID digest.Digest
}

// ReadPlain says whether the store in directory dir was sealed as proven. It needs
// neither tree nor spans.
func ReadPlain(dir string) (Plain, bool) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Plain{}, false
	}
	defer func() { _ = root.Close() }()
	b, err := root.ReadFile(sealName)
	if err != nil {
		return Plain{}, false
	}
	return parsePlain(string(b))
}

// sealProvenFormat is the record of a proven layer: layout, bytes, inodes, and the
// DiffID if it is known, which earlier versions neither wrote nor read.
const sealProvenFormat = "%s proven %d %d %s\n"

func parsePlain(record string) (Plain, bool) {
	var layout string
	var p Plain
	n, _ := fmt.Sscanf(record, sealProvenFormat, &layout, &p.Bytes, &p.Inodes, &p.DiffID)
	if n < 3 || len(layout) != hex.EncodedLen(sha256.Size) || p.Bytes < 0 || p.Inodes < 0 {
		return Plain{}, false
	}
	if p.DiffID.Validate() != nil {
		p.DiffID = ""
	}
	return p, true
}

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

func (l layout) sealProven(p Plain) []byte {
	return fmt.Appendf(nil, sealProvenFormat, hex.EncodeToString(l.spans[:]), p.Bytes, p.Inodes, p.DiffID)
}

// readSeal reads the record, if it is there and of this layout.
func (s *Store) readSeal() error {
	b, err := s.root.ReadFile(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	own := hex.EncodeToString(s.layout.spans[:])
	p, proven := parsePlain(string(b))
	proven = proven && strings.HasPrefix(string(b), own)
	s.proven.Store(proven)
	s.sealed.Store(proven || bytes.Equal(b, s.layout.seal()))
	if proven {
		s.diffID = p.DiffID
	}
	return nil
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
