// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// maxZtoc bounds the bytes of a ztoc that is read.
const maxZtoc = 1 << 30

// reusable lists indexes at the places of a job whose ztocs may be used again.
// Only those on this host count: to verify one takes the whole layer. To make
// a compact index as well costs no more than that.
func reusable(ctx context.Context, img place.Image, o Options) []place.Found {
	p, ok := img.(place.Indexed)
	if !ok || o.Force || o.CompactSpanSize != 0 || !img.Local() {
		return nil
	}
	found, err := p.Indexes(ctx)
	if err != nil {
		return nil // then they are made anew
	}
	return found
}

// reuse finds a ztoc of the layer with the wanted span size and verifies all
// of it against the layer; nil if there is none or it is wrong.
func (w *worker) reuse(ctx context.Context, desc ocispec.Descriptor, t *progress.Task) (*ztoc.Ztoc, bool, error) {
	for _, f := range w.known {
		li, ok := f.Index.ForLayer(desc.Digest)
		if !ok || li.SpanSize != w.options.spanSize() {
			continue
		}
		z, err := readZtoc(ctx, w.from, li)
		if err != nil || z.CompressedSize != desc.Size || z.CheckLazy() != nil {
			continue
		}
		t.State("verifying")
		err = w.read(ctx, desc, t, func(r io.Reader) error {
			return build.Verify(ctx, r, &build.Result{Ztoc: z, Digest: desc.Digest, Size: desc.Size})
		})
		if err == nil {
			return z, true, nil
		}
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
	}
	return nil, false, nil
}

func readZtoc(ctx context.Context, src place.Source, li index.LayerIndex) (*ztoc.Ztoc, error) {
	b, err := place.ReadAll(ctx, src, li.Descriptor, maxZtoc)
	if err != nil {
		return nil, err
	}
	return ztoc.Decode(b)
}
