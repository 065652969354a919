// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"crypto/sha256"
	"hash"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
)

// hashes are the digests of a blob and its spans, made of its pieces in order.
type hashes struct {
	blob         hash.Hash // nil if nobody wants it
	coarse, fine spanHash
}

func newHashes(o Options) *hashes {
	h := &hashes{coarse: spanHash{hash: sha256.New()}, fine: spanHash{hash: sha256.New()}}
	if o.Digest == "" {
		h.blob = sha256.New()
	}
	return h
}

// add takes the next piece.
func (h *hashes) add(p *piece) {
	if h.blob != nil {
		h.blob.Write(p.data[p.shared():])
	}
	h.coarse.add(p, p.coarse)
	h.fine.add(p, p.fine)
}

// spanHash is the digests of spans, which consist of one or more pieces.
type spanHash struct {
	hash hash.Hash // of the open span
	open bool
	sums []span.Digest
}

// add takes the next piece; begins says that a span begins with it. What comes
// before the first span is left out.
func (s *spanHash) add(p *piece, begins bool) {
	switch {
	case begins:
		s.finish()
		s.open = true
		s.hash.Write(p.data)
	case s.open:
		s.hash.Write(p.data[p.shared():])
	}
}

// finish ends the open span.
func (s *spanHash) finish() {
	if s.open {
		s.sums = append(s.sums, span.Digest(s.hash.Sum(nil)))
		s.hash.Reset()
		s.open = false
	}
}

// digests ends the last span and returns all as a ztoc has them.
func (s *spanHash) digests() []digest.Digest {
	s.finish()
	var all []digest.Digest
	for i := range s.sums {
		all = append(all, digest.NewDigestFromBytes(digest.SHA256, s.sums[i][:]))
	}
	return all
}
