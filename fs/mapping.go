// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/compact"
)

// mapping is the index of a layer on disk: its tables mapped for reading, its
// windows in the file. It must outlive everything made of it.
type mapping struct {
	file  atomic.Pointer[os.File]
	b     []byte
	size  int64 // of the file
	layer *compact.Layer

	inUse sync.Mutex // guards b against an end while it is given up

	mu  sync.Mutex // held by repairs; guards old
	old []*os.File // that file was before
}

// ReadAt implements [io.ReaderAt]: windows are read from the file of now.
func (m *mapping) ReadAt(p []byte, off int64) (int, error) { return m.file.Load().ReadAt(p, off) }

// mapIndex maps the index at path after checking its checksum. Nothing of it
// is parsed.
func mapIndex(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := new(mapping)
	m.file.Store(f)
	if err := m.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("map %s: %w", path, err), m.close())
	}
	return m, nil
}

func (m *mapping) open() error {
	file := m.file.Load()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	m.size = info.Size()
	tables, err := compact.Inspect(file, m.size)
	if err != nil {
		return err
	}
	if tables > math.MaxInt {
		return fmt.Errorf("%d bytes", tables)
	}
	if m.b, err = unix.Mmap(int(file.Fd()), 0, int(tables), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return err
	}
	m.layer, err = compact.Open(m.b, m)
	return err
}

// idle takes the tables out of the process's memory until they are used again;
// opening a layer goes through all of them once. It may be called at any time.
func (m *mapping) idle() error {
	m.inUse.Lock()
	defer m.inUse.Unlock()
	if m.b == nil {
		return nil
	}
	return unix.Madvise(m.b, unix.MADV_DONTNEED)
}

// close unmaps and closes; what was made of it must not be used any more.
func (m *mapping) close() error {
	m.inUse.Lock()
	defer m.inUse.Unlock()
	var err error
	if m.b != nil {
		err = unix.Munmap(m.b)
	}
	m.b, m.layer = nil, nil
	for _, f := range append(m.old, m.file.Load()) {
		err = errors.Join(err, f.Close())
	}
	return err
}

// replacedLocked takes the windows from the file at path from now on. Its tables have
// to be those that are mapped.
func (m *mapping) replacedLocked(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	tables := make([]byte, len(m.b))
	if _, err = io.ReadFull(f, tables); err == nil && !bytes.Equal(tables, m.b) {
		err = errors.New("its tables are not those in use")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("index at %s: %w", path, err), f.Close())
	}
	m.old = append(m.old, m.file.Swap(f))
	return nil
}
