// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"fmt"

	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// prefetch reads the prefetch artifact of a layer, if its index has one. The
// artifact counts the spans of the ztoc, if there is one: spans are those of
// the form in use.
func (f *FileSystem) prefetch(ref index.LayerRef, p plan, spans span.Layer) func(context.Context) ([]layer.Range, error) {
	desc, ok := p.found.Index.PrefetchFor(ref.Layer)
	if !ok {
		return nil
	}
	return func(ctx context.Context) ([]layer.Range, error) {
		b, err := f.options.Finder.Artifact(ctx, ref, desc, index.MaxPrefetchSize)
		if err != nil {
			return nil, err
		}
		artifact, err := index.ParsePrefetch(b)
		if err != nil {
			return nil, fmt.Errorf("prefetch artifact %s: %w", desc.Digest, err)
		}
		ranges := make([]layer.Range, len(artifact.Ranges))
		for i, r := range artifact.Ranges {
			ranges[i] = layer.Range{First: span.ID(r.Start), Last: span.ID(r.End)}
		}
		counted := p.forms[len(p.forms)-1] // a ztoc, if there is one
		if counted.compact || !p.form.compact {
			return ranges, nil
		}
		if b, err = f.options.Finder.Artifact(ctx, ref, counted.desc, counted.limit()); err != nil {
			return nil, err
		}
		return translate(ranges, b, spans)
	}
}

// translate makes of spans of a ztoc those of another index of the layer.
// Ranges that the ztoc does not have are left out.
func translate(ranges []layer.Range, b []byte, to span.Layer) ([]layer.Range, error) {
	z, err := ztoc.Decode(b)
	if err != nil {
		return nil, err
	}
	from, err := z.Layer()
	if err != nil {
		return nil, err
	}
	out := make([]layer.Range, 0, len(ranges))
	for _, r := range ranges {
		if r.First < 0 || r.First > r.Last || int(r.Last) >= from.Len() {
			continue
		}
		start, end := from.Span(r.First).OutStart, from.Span(r.Last).OutEnd
		if start < end {
			out = append(out, layer.Range{First: to.At(start), Last: to.At(end - 1)})
		}
	}
	return out, nil
}
