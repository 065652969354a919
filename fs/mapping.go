// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/compact"
)

// mapping is the index of a layer on disk: its tables mapped for reading, its
// windows in the file. It must outlive everything made of it.
type mapping struct {
	file  *os.File
	b     []byte
	size  int64 // of the file
	layer *compact.Layer
}

// mapIndex maps the index at path after checking its checksum. Nothing of it
// is parsed.
func mapIndex(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := &mapping{file: f}
	if err := m.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("map %s: %w", path, err), m.close())
	}
	return m, nil
}

func (m *mapping) open() error {
	info, err := m.file.Stat()
	if err != nil {
		return err
	}
	m.size = info.Size()
	tables, err := compact.Inspect(m.file, m.size)
	if err != nil {
		return err
	}
	if tables > math.MaxInt {
		return fmt.Errorf("%d bytes", tables)
	}
	if m.b, err = unix.Mmap(int(m.file.Fd()), 0, int(tables), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return err
	}
	m.layer, err = compact.Open(m.b, m.file)
	return err
}

// idle takes the tables out of the process's memory until they are used again;
// opening a layer goes through all of them once.
func (m *mapping) idle() error { return unix.Madvise(m.b, unix.MADV_DONTNEED) }

// close unmaps and closes; what was made of it must not be used any more.
func (m *mapping) close() error {
	var err error
	if m.b != nil {
		err = unix.Munmap(m.b)
	}
	m.b, m.layer = nil, nil
	return errors.Join(err, m.file.Close())
}
