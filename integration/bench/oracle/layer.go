// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/integration/testbed"
)

// SpanSize is the size of an oracle's spans, in bytes of the tar stream.
const SpanSize = 512 << 10

// Layer is a layer as files and spans. It is safe for concurrent use.
type Layer struct {
	tree  *toc.Tree
	spans spans
}

// IndexLayer reads the whole blob. A layer that cannot be indexed matches
// build.ErrSkip.
func IndexLayer(ctx context.Context, l testbed.Layer) (*Layer, error) {
	f, err := os.Open(l.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	o := build.Options{SpanSize: SpanSize, Compression: ztoc.Gzip}
	if plain(l) {
		o.Compression = ztoc.Uncompressed
	}
	r, err := build.Layer(ctx, f, o)
	if err != nil {
		return nil, fmt.Errorf("index layer %s: %w", l.Descriptor.Digest, err)
	}
	decoder, err := r.Ztoc.Layer()
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.Descriptor.Digest, err)
	}
	tree, err := toc.NewTree(r.Ztoc.Entries)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.Descriptor.Digest, err)
	}
	return &Layer{tree: tree, spans: newSpans(decoder)}, nil
}

// plain tells whether the blob is a tar that is not compressed.
func plain(l testbed.Layer) bool { return strings.HasSuffix(l.Descriptor.MediaType, ".tar") }

// Touched is the compressed size of the spans that hold resident pages of the
// layer's files, which are unpacked in dir.
func (l *Layer) Touched(dir string) (int64, error) {
	need := set{}
	for id := range l.tree.Files(0, math.MaxInt64) {
		ranges, err := Resident(filepath.Join(dir, l.tree.Path(id)))
		if errors.Is(err, iofs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		off, size := l.tree.Data(id)
		need.add(l.spans, extent{off, size}, ranges)
	}
	return need.bytes(l.spans), nil
}

// Largest is the largest regular file and the compressed size of the spans
// that hold it; "" if the layer has no file with content.
func (l *Layer) Largest() (path string, size, compressed int64) {
	var best extent
	for id := range l.tree.Files(0, math.MaxInt64) {
		if off, n := l.tree.Data(id); n > best.size {
			best, path = extent{off, n}, l.tree.Path(id)
		}
	}
	need := set{}
	need.add(l.spans, best, []Range{{0, best.size}})
	return path, best.size, need.bytes(l.spans)
}
