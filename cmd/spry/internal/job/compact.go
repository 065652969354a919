// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
)

// compactForm is the compact index of a layer. The zero value is none.
type compactForm struct {
	ref   index.CompactRef
	spans int
	// missing says why there is none, if one was wanted.
	missing string
}

// made says whether there is one.
func (c compactForm) made() bool { return c.ref.Layer != "" }

// compact puts the compact index of a layer to the destination. A layer may
// have none, for a reason like an attribute that cannot be set: those who go by
// its ztoc find that out as well.
func (w *worker) compact(ctx context.Context, res *build.Result) (compactForm, error) {
	if w.options.CompactSpanSize == 0 {
		return compactForm{}, nil
	}
	b, err := res.Compact()
	if errors.Is(err, build.ErrMismatch) {
		return compactForm{}, err
	}
	if err != nil {
		w.options.Display.Printf("layer %s: no compact index: %v", short(res.Digest), err)
		return compactForm{missing: err.Error()}, nil
	}
	desc := ocispec.Descriptor{MediaType: index.MediaTypeCompact, Digest: digest.FromBytes(b), Size: int64(len(b))}
	if err := w.dst.Put(ctx, desc, place.Bytes(b)); err != nil {
		return compactForm{}, fmt.Errorf("layer %s: store compact index: %w", res.Digest, err)
	}
	return compactForm{ref: index.CompactRef{Descriptor: desc, Layer: res.Digest}, spans: len(res.Spans)}, nil
}
