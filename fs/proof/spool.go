// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

const spoolName = "spool"

// spool is the file in which spans wait. Safe for concurrent use.
type spool struct {
	file *os.File

	mu      sync.Mutex // guards everything below
	end     int64      // of what was given out
	waiting int        // records
	bytes   int64      // of them
	// data, tail and rest of the record taken last, used again; only take
	// uses it.
	buf []byte
}

// place is where a record is in the file, and its sum, CRC-32C: what the disk changed
// must not be taken for what was fetched.
type place struct {
	off              int64
	data, tail, rest int
	sum              uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p place) size() int64 { return int64(p.data + p.tail + p.rest) }

func newSpool(dir string) (*spool, error) {
	f, err := os.OpenFile(filepath.Join(dir, spoolName), os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	return &spool{file: f}, nil
}

// put writes a record.
func (s *spool) put(data, tail []byte, rest [][]byte) (place, error) {
	p := place{data: len(data), tail: len(tail)}
	pieces := append([][]byte{data, tail}, rest...)
	for _, b := range pieces {
		p.sum = crc32.Update(p.sum, castagnoli, b)
	}
	for _, b := range rest {
		p.rest += len(b)
	}
	s.mu.Lock()
	p.off = s.end
	s.end += p.size()
	s.waiting++
	s.bytes += p.size()
	s.mu.Unlock()
	if err := s.write(p.off, pieces); err != nil {
		s.free(p)
		return place{}, err
	}
	return p, nil
}

// write writes pieces from off on, small ones together.
func (s *spool) write(off int64, pieces [][]byte) error {
	var buf []byte
	flush := func(b []byte) error {
		n, err := s.file.WriteAt(b, off)
		off += int64(n)
		return err
	}
	const enough = 64 << 10
	for _, b := range pieces {
		if len(b) < enough && len(buf)+len(b) <= 2*enough {
			buf = append(buf, b...)
			continue
		}
		if err := flush(buf); err != nil {
			return err
		}
		buf = buf[:0]
		if err := flush(b); err != nil {
			return err
		}
	}
	return flush(buf)
}

// take reads a record and frees its place. What it returns is valid until the
// next call.
func (s *spool) take(p place) (data, tail, rest []byte, err error) {
	defer s.free(p)
	if n := int(p.size()); cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	b := s.buf[:p.size()]
	if n, err := s.file.ReadAt(b, p.off); n < len(b) {
		return nil, nil, nil, fmt.Errorf("read spool: %w", err)
	}
	if crc32.Checksum(b, castagnoli) != p.sum {
		return nil, nil, nil, fmt.Errorf("read spool: %d bytes at %d are not what was written", len(b), p.off)
	}
	return b[:p.data], b[p.data : p.data+p.tail], b[p.data+p.tail:], nil
}

// free gives the space of a record back.
func (s *spool) free(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	s.bytes -= p.size()
	if s.waiting == 0 {
		// Under the lock, so that nobody writes meanwhile.
		if s.file.Truncate(0) == nil {
			s.end = 0
		}
		return
	}
	_ = unix.Fallocate(int(s.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, p.off, p.size())
}

// size is how many bytes wait.
func (s *spool) size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func (s *spool) close() error {
	return errors.Join(os.Remove(s.file.Name()), s.file.Close())
}
