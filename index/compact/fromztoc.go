// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// FromZtoc is what z says of the layer, with whole windows, which it refers to.
// It says, as an error of package ztoc or [toc.ErrTree], why a layer cannot be
// presented lazily.
func FromZtoc(z *ztoc.Ztoc, layer digest.Digest) (Source, error) {
	if err := z.CheckLazy(); err != nil {
		return Source{}, err
	}
	spans, err := z.Layer()
	if err != nil {
		return Source{}, err
	}
	tree, err := toc.NewTree(z.Entries)
	if err != nil {
		return Source{}, err
	}
	s := Source{
		LayerDigest: layer, Plain: z.Compression == ztoc.Uncompressed, Tree: tree,
		CompressedSize: z.CompressedSize, UncompressedSize: z.UncompressedSize,
		Spans: make([]SpanSource, spans.Len()),
	}
	for i := range s.Spans {
		sp := spans.Span(span.ID(i))
		s.Spans[i] = SpanSource{Start: sp.Start, End: sp.End, OutStart: sp.OutStart, Digest: sp.Digest}
		if !s.Plain {
			c := &z.Checkpoints[i]
			s.Spans[i].Bits, s.Spans[i].Window = c.Bits, dictionary(c)
		}
	}
	return s, nil
}

// dictionary is the part of c's window that is tar stream, not filling.
func dictionary(c *ztoc.Checkpoint) []byte {
	n := int(min(c.Out, inflate.WindowSize))
	if len(c.Window) < n {
		return make([]byte, n)
	}
	return c.Window[len(c.Window)-n:]
}
