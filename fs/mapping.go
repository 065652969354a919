// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapping is a file of ours mapped into memory for reading: the windows of a
// ztoc are large and rarely looked at, so the page cache is their place. The
// file must not shrink while it is mapped.
type mapping struct{ b []byte }

// mapFile maps a file that has at most limit bytes.
func mapFile(path string, limit int64) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); size <= 0 || size > limit {
		return nil, fmt.Errorf("map %s: %d bytes, at most %d", path, size, limit)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return &mapping{b: b}, nil
}

// close unmaps the file; nothing may refer to its bytes any more.
func (m *mapping) close() error {
	b := m.b
	m.b = nil
	if b == nil {
		return nil
	}
	return unix.Munmap(b)
}
