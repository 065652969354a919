// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"cmp"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/ztoc"
)

// DefaultFineSpanSize is the span size in bytes of the compact form that
// costs little more to fetch than the bytes that a starting container reads.
const DefaultFineSpanSize = 768 << 10

// Options say how to index a layer. The zero value makes what the reference
// implementation makes of a gzip layer.
type Options struct {
	// SpanSize is the span size in bytes, at most [ztoc.MaxSpanSize];
	// 0 stands for [ztoc.DefaultSpanSize].
	SpanSize int64
	// Tool is the build tool text; "" stands for [ztoc.DefaultTool].
	Tool string
	// Compression is that of the blob, by its media type, not its content;
	// 0 stands for [ztoc.Gzip].
	Compression ztoc.Compression
	// FineSpanSize is about the span size in bytes of the compact form; 0 makes
	// none. Each span of the ztoc is one or more of the compact form, of the same
	// size as far as blocks allow: as many as come nearest to FineSpanSize.
	FineSpanSize int64
	// Digest is that of the blob if the caller knows it: what is read was
	// compared with it before. Empty, it is computed.
	Digest digest.Digest
	// OmitDiffID leaves Result.DiffID empty, which saves much hashing.
	OmitDiffID bool
	// Repair makes ztocs that the reader of the reference implementation
	// accepts, where it refuses those of its own builder: of several
	// checkpoints at uncompressed offset 0 only the last is kept, and links and
	// directories with a size in their tar header have size 0. All other
	// layers give the same bytes with and without it.
	Repair bool
}

// withDefaults fills in the defaults, or says what is wrong.
func (o Options) withDefaults() (Options, error) {
	o.SpanSize = cmp.Or(o.SpanSize, ztoc.DefaultSpanSize)
	o.Tool = cmp.Or(o.Tool, ztoc.DefaultTool)
	o.Compression = cmp.Or(o.Compression, ztoc.Gzip)
	if o.SpanSize < 1 || o.SpanSize > ztoc.MaxSpanSize {
		return o, fmt.Errorf("span size %d, want 1 to %d", o.SpanSize, int64(ztoc.MaxSpanSize))
	}
	if o.FineSpanSize < 0 || o.FineSpanSize > ztoc.MaxSpanSize {
		return o, fmt.Errorf("fine span size %d, want 0 to %d", o.FineSpanSize, int64(ztoc.MaxSpanSize))
	}
	if o.Compression != ztoc.Gzip && o.Compression != ztoc.Uncompressed {
		return o, skipf(nil, "%s", o.Compression)
	}
	return o, nil
}

// part is the size in bytes of the parts that fine spans make of a span, rounded
// up; 0 without fine spans. A rest would cost a window like the others.
func (o Options) part() int64 {
	if o.FineSpanSize == 0 {
		return 0
	}
	n := max(1, (o.SpanSize+o.FineSpanSize/2)/o.FineSpanSize)
	return (o.SpanSize + n - 1) / n
}
