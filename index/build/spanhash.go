// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/opencontainers/go-digest"
)

// maxBehind is how many bytes the span hashes stay behind the blob. Package
// inflate reads ahead by 128 KiB at most.
const maxBehind = 512 << 10

// spanHash hashes a blob span by span. Where spans are cut is told later than
// the bytes, by at most maxBehind.
type spanHash struct {
	hash    hash.Hash // of the open span, up to base
	open    bool
	base    int64  // blob position of pending[0]
	last    byte   // the byte before that
	pending []byte // not hashed yet; capacity 2*maxBehind
	digests []digest.Digest
}

func newSpanHash() *spanHash {
	return &spanHash{hash: sha256.New(), pending: make([]byte, 0, 2*maxBehind)}
}

// write takes the next bytes of the blob.
func (s *spanHash) write(p []byte) {
	for len(p) > 0 {
		if len(s.pending) == cap(s.pending) {
			s.advance(len(s.pending) - maxBehind)
		}
		n := min(cap(s.pending)-len(s.pending), len(p))
		s.pending = append(s.pending, p[:n]...)
		p = p[n:]
	}
}

// end is the number of bytes written.
func (s *spanHash) end() int64 { return s.base + int64(len(s.pending)) }

// cut ends the open span, if there is one, at blob position in, and starts the
// next there, or one byte before if that has bits of both.
func (s *spanHash) cut(in int64, bits uint8) error {
	if in < s.base || in > s.end() {
		return fmt.Errorf("span boundary at byte %d, hashed %d to %d", in, s.base, s.end())
	}
	s.advance(int(in - s.base))
	s.finish()
	s.open = true
	if bits != 0 {
		s.hash.Write([]byte{s.last})
	}
	return nil
}

// drop forgets the open span.
func (s *spanHash) drop() {
	s.hash.Reset()
	s.open = false
}

// finish ends the open span at the end of what was hashed.
func (s *spanHash) finish() {
	if s.open {
		s.digests = append(s.digests, digest.NewDigest(digest.SHA256, s.hash))
		s.drop()
	}
}

// close ends the last span at the end of the blob and returns all digests.
func (s *spanHash) close() []digest.Digest {
	s.advance(len(s.pending))
	s.finish()
	return s.digests
}

// advance hashes n pending bytes.
func (s *spanHash) advance(n int) {
	if n == 0 {
		return
	}
	if s.open {
		s.hash.Write(s.pending[:n])
	}
	s.last = s.pending[n-1]
	s.base += int64(n)
	s.pending = s.pending[:copy(s.pending, s.pending[n:])]
}
