// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile

import (
	"context"
	"fmt"
	"io"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// Blob opens n bytes of a layer blob from off.
type Blob func(ctx context.Context, off, n int64) (io.ReadCloser, error)

// Extract writes the content of a file of the layer to w. Only the spans of
// the file are read, and each is verified.
func Extract(ctx context.Context, z *ztoc.Ztoc, name string, blob Blob, w io.Writer) error {
	if err := z.CheckLazy(); err != nil {
		return err
	}
	layer, err := z.Layer()
	if err != nil {
		return err
	}
	tree, err := toc.NewTree(z.Entries)
	if err != nil {
		return err
	}
	id, err := Lookup(tree, name)
	if err != nil {
		return err
	}
	off, size := tree.Data(id)
	if size == 0 {
		return nil
	}
	end := off + span.UncompressedOffset(size)
	var buf []byte
	for i := layer.At(off); i <= layer.At(end-1); i++ {
		s := layer.Span(i)
		if buf, err = readSpan(ctx, layer, s, blob, buf); err != nil {
			return fmt.Errorf("span %d: %w", i, err)
		}
		from, to := max(off, s.OutStart), min(end, s.OutEnd)
		if _, err := w.Write(buf[from-s.OutStart : to-s.OutStart]); err != nil {
			return err
		}
	}
	return nil
}

// readSpan fetches, verifies and decodes one span.
func readSpan(ctx context.Context, layer span.Layer, s span.Span, blob Blob, buf []byte) ([]byte, error) {
	rc, err := blob(ctx, int64(s.Start), s.CompressedSize())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	data := make([]byte, s.CompressedSize())
	if _, err := io.ReadFull(rc, data); err != nil {
		return nil, err
	}
	v, err := span.Verify(s, data)
	if err != nil {
		return nil, err
	}
	return layer.Decode(buf[:0], v)
}
