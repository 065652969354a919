// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
)

const (
	// MaxSpanSize is the most bytes, compressed or decoded, that a span may
	// have: spans are held in memory. The largest block a common compressor
	// makes decodes to 16 MiB.
	MaxSpanSize = 256 << 20
	// MaxSpans is the most spans a layer may have. Checkpoints for more than
	// 65 000 do not fit into a FlatBuffers buffer; a plain tar has none.
	MaxSpans = 1 << 20
	// maxStream is more bytes than any layer has.
	maxStream = 1 << 48
	// maxRatio is the most output bytes that a byte of DEFLATE can give:
	// 4 matches of 258 bytes at 2 bits each.
	maxRatio = 1032
)

// Layer returns the spans of z, if they are consistent: counts agree, spans
// follow each other and lie in the blob, digests are SHA-256, and no span
// decodes to more than it could. Empty spans are allowed at uncompressed
// offset 0 and at the end only. Errors match [ErrInvalid], or [ErrUnsupported]
// for layers without spans or with oversized ones.
//
// The layer refers to z's windows. That the blob is as z says shows only when
// it is read: by span digests, by decoding, and by [Ztoc.CheckPrefix].
func (z *Ztoc) Layer() (span.Layer, error) {
	if err := z.checkSizes(); err != nil {
		return nil, err
	}
	switch z.Compression {
	case Gzip:
		return z.gzipLayer()
	case Uncompressed:
		return z.plainLayer()
	}
	return nil, fmt.Errorf("%s: %w", z.Compression, ErrUnsupported)
}

// checkSizes keeps the sizes in a range that is safe to calculate with.
func (z *Ztoc) checkSizes() error {
	if z.CompressedSize < 0 || z.CompressedSize > maxStream || z.UncompressedSize < 0 || z.UncompressedSize > maxStream {
		return fmt.Errorf("sizes %d and %d: %w", z.CompressedSize, z.UncompressedSize, ErrInvalid)
	}
	return nil
}

// checkCount compares the counts of z with n, the number of its spans.
func (z *Ztoc) checkCount(n int64) error {
	switch {
	case int64(z.MaxSpanID) != n-1 || int64(len(z.SpanDigests)) != n:
		return fmt.Errorf("%d spans, but max span id %d and %d digests: %w", n, z.MaxSpanID, len(z.SpanDigests), ErrInvalid)
	case n == 0:
		return fmt.Errorf("no spans: %w", ErrUnsupported)
	case n > MaxSpans:
		return fmt.Errorf("%d spans, at most %d: %w", n, MaxSpans, ErrUnsupported)
	}
	return nil
}

// checkSize compares the sizes of s with what can be held in memory.
func checkSize(s span.Span) error {
	if s.CompressedSize() > MaxSpanSize || s.UncompressedSize() > MaxSpanSize {
		return fmt.Errorf("span %d: %d bytes decode to %d, at most %d: %w",
			s.ID, s.CompressedSize(), s.UncompressedSize(), int64(MaxSpanSize), ErrUnsupported)
	}
	return nil
}

// parseDigest is the digest of a span.
func parseDigest(d digest.Digest) (sum span.Digest, err error) {
	text, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || len(text) != hex.EncodedLen(len(sum)) {
		return sum, fmt.Errorf("span digest %.80q: %w", string(d), ErrInvalid)
	}
	if _, err := hex.Decode(sum[:], []byte(text)); err != nil {
		return sum, fmt.Errorf("span digest %.80q: %w", string(d), ErrInvalid)
	}
	return sum, nil
}
