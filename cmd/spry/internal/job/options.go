// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index/convert"
	"github.com/spryd/spry/index/ztoc"
)

// Options say how to index an image. The zero value indexes every layer for
// the platform of this host.
type Options struct {
	// SpanSize is the span size in bytes; 0 stands for ztoc.DefaultSpanSize.
	SpanSize int64
	// CompactSpanSize is the span size in bytes of the compact form; 0 makes
	// none.
	CompactSpanSize int64
	// MinLayerSize is the compressed size in bytes below which layers are left
	// out.
	MinLayerSize int64
	// Platforms are those to index. Empty stands for this host's, or for the
	// image's if it has only one.
	Platforms []ocispec.Platform
	// AllPlatforms indexes all there are.
	AllPlatforms bool
	// PrefetchFiles are paths whose spans are to be fetched ahead.
	PrefetchFiles []string
	// Force indexes layers again that have an index already.
	Force bool
	// MarkXattrs notes layers without extended attributes in the index.
	MarkXattrs bool
	// IndexPlatform is how the indexes of a converted image are described.
	IndexPlatform convert.PlatformPolicy
	// Display shows the progress; it stays the caller's.
	Display *progress.Display
}

func (o Options) spanSize() int64 {
	if o.SpanSize == 0 {
		return ztoc.DefaultSpanSize
	}
	return o.SpanSize
}
