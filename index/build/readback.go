// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// readZtoc reads an encoded ztoc as a reader will, and compares what it finds
// with what spans were decoded from. Differences are [ErrMismatch].
func (r *Result) readZtoc(b []byte) error {
	got, err := ztoc.Decode(b)
	if err != nil {
		return fmt.Errorf("read ztoc: %w", err)
	}
	want := r.Ztoc
	switch {
	case got.CompressedSize != want.CompressedSize || got.UncompressedSize != want.UncompressedSize ||
		got.Compression != want.Compression || got.SpanSize != want.SpanSize || got.MaxSpanID != want.MaxSpanID:
		return fmt.Errorf("ztoc is read with other sizes: %w", ErrMismatch)
	case !slices.Equal(got.SpanDigests, want.SpanDigests):
		return fmt.Errorf("ztoc is read with other digests: %w", ErrMismatch)
	case !slices.EqualFunc(got.Checkpoints, want.Checkpoints, sameCheckpoint):
		return fmt.Errorf("ztoc is read with other checkpoints: %w", ErrMismatch)
	case !slices.EqualFunc(got.Entries, want.Entries, sameEntry):
		return fmt.Errorf("ztoc is read with other entries: %w", ErrMismatch)
	}
	return nil
}

// sameCheckpoint compares checkpoints; no window stands for zeros.
func sameCheckpoint(a, b ztoc.Checkpoint) bool {
	window := func(c ztoc.Checkpoint) []byte {
		if c.Window == nil {
			return noWindow[:]
		}
		return c.Window
	}
	return a.In == b.In && a.Out == b.Out && a.Bits == b.Bits && bytes.Equal(window(a), window(b))
}

var noWindow [ztoc.WindowSize]byte

// readCompact is readZtoc for a compact form of the layer with that tree.
func (r *Result) readCompact(b []byte, tree *toc.Tree) error {
	l, err := compact.Decode(b)
	if err != nil {
		return fmt.Errorf("read compact index: %w", err)
	}
	if l.LayerDigest() != r.Digest || l.Len() != len(r.Spans) || l.CompressedSize() != r.Size ||
		l.UncompressedSize() != r.Ztoc.UncompressedSize {
		return fmt.Errorf("compact index is read as of layer %s with %d spans, want %s with %d: %w",
			l.LayerDigest(), l.Len(), r.Digest, len(r.Spans), ErrMismatch)
	}
	for i := range r.Spans {
		if ok, err := l.Matches(span.ID(i), &r.Spans[i]); err != nil {
			return fmt.Errorf("read compact index: %w", err)
		} else if !ok {
			return fmt.Errorf("compact index is read with another span %d: %w", i, ErrMismatch)
		}
	}
	if !sameTables(l.Tree().Tables(), tree.Tables()) {
		return fmt.Errorf("compact index is read with another tree: %w", ErrMismatch)
	}
	return nil
}

func sameTables(a, b toc.Tables) bool {
	return bytes.Equal(a.Nodes, b.Nodes) && bytes.Equal(a.Ents, b.Ents) && bytes.Equal(a.Owners, b.Owners) &&
		bytes.Equal(a.Xattrs, b.Xattrs) && bytes.Equal(a.Files, b.Files) && bytes.Equal(a.Names, b.Names) && bytes.Equal(a.Text, b.Text)
}
