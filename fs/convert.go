// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/ztoc"
)

// writeIndex writes the mapped form of the blob b to dir. An index that cannot
// be used matches [index.ErrNotLazy]. Of a ztoc it returns the content.
func writeIndex(dir string, rec record, m form, b []byte) (*ztoc.Ztoc, error) {
	path := filepath.Join(dir, indexName)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &diskWriter{f: f}
	z, err := convert(w, rec, m, b)
	switch {
	case w.err != nil:
		err = w.err
	case err != nil:
		err = fmt.Errorf("%w: %s: %w", index.ErrNotLazy, m, err)
	default:
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return z, os.Rename(f.Name(), path)
}

// convert writes the mapped form of b to w.
func convert(w io.Writer, rec record, m form, b []byte) (*ztoc.Ztoc, error) {
	if m.compact {
		return nil, compact.Unpack(w, b)
	}
	z, err := ztoc.Decode(b)
	if err != nil {
		return nil, err
	}
	if err := rec.checkSize(z.CompressedSize); err != nil {
		return nil, err
	}
	s, err := compact.FromZtoc(z, rec.Layer)
	if err != nil {
		return nil, err
	}
	return z, compact.Map(w, s)
}

// diskWriter remembers that the disk, not what is written, is at fault.
type diskWriter struct {
	f   *os.File
	err error
}

// Write implements [io.Writer].
func (d *diskWriter) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	d.err = errors.Join(d.err, err)
	return n, err
}

// upgrade makes an index of the ztoc that an earlier version left in its place.
func upgrade(dir string, rec record) error {
	old := filepath.Join(dir, ztocName)
	b, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	if err := rec.Ztoc.Validate(); err != nil {
		return fmt.Errorf("ztoc digest: %w", err)
	}
	if got := rec.Ztoc.Algorithm().FromBytes(b); got != rec.Ztoc {
		return fmt.Errorf("ztoc is %s, want %s", got, rec.Ztoc)
	}
	if _, err := writeIndex(dir, rec, form{}, b); err != nil {
		return err
	}
	return os.Remove(old)
}
