// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"fmt"

	"github.com/spryd/spry/index/span"
)

// check says whether the spans follow each other, lie in the blob and decode
// to no more than they can, and the files lie in the archive. Empty spans are
// allowed at tar stream position 0 and at the end only.
func (c *content) check() error {
	switch n := len(c.points); {
	case n < 1 || n > MaxSpans:
		return fmt.Errorf("%d spans, 1 to %d allowed: %w", n, MaxSpans, ErrUnsupported)
	case c.compressed < 0 || c.compressed > maxStream || c.uncompressed < 0 || c.uncompressed > maxStream:
		return fmt.Errorf("sizes %d and %d: %w", c.compressed, c.uncompressed, ErrInvalid)
	case c.points[0].out != 0:
		return fmt.Errorf("span 0 decodes to %d: %w", c.points[0].out, ErrInvalid)
	case int64(c.tree.DataEnd()) > c.uncompressed:
		return fmt.Errorf("files end at %d, archive at %d: %w", c.tree.DataEnd(), c.uncompressed, ErrInvalid)
	}
	for i := range c.points {
		if err := c.checkSpan(c.span(i)); err != nil {
			return err
		}
	}
	return nil
}

func (c *content) checkSpan(s span.Span) error {
	last := int(s.ID) == len(c.points)-1
	empty := s.OutEnd == s.OutStart && (last || s.OutStart == 0)
	if s.Start < 0 || s.Start >= s.End || s.End > span.CompressedOffset(c.compressed) || (s.OutEnd <= s.OutStart && !empty) {
		return fmt.Errorf("span %d: bytes %d to %d of %d decode to %d to %d: %w",
			s.ID, s.Start, s.End, c.compressed, s.OutStart, s.OutEnd, ErrInvalid)
	}
	if s.CompressedSize() > MaxSpanSize || s.UncompressedSize() > MaxSpanSize {
		return fmt.Errorf("span %d: %d bytes decode to %d, at most %d: %w",
			s.ID, s.CompressedSize(), s.UncompressedSize(), int64(MaxSpanSize), ErrUnsupported)
	}
	plain := int64(s.OutStart) == int64(s.Start) && s.UncompressedSize() <= s.CompressedSize() &&
		c.points[s.ID].bit%8 == 0 && (last || s.UncompressedSize() == s.CompressedSize())
	if c.plain && !plain || s.UncompressedSize() > maxRatio*s.CompressedSize() {
		return fmt.Errorf("span %d: %d bytes at %d cannot decode to %d at %d: %w",
			s.ID, s.CompressedSize(), s.Start, s.UncompressedSize(), s.OutStart, ErrInvalid)
	}
	return nil
}
