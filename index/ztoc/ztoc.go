// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
)

const (
	// Version is the content version, the only one ever written.
	Version = "0.9"
	// DefaultTool is the build tool text of the reference implementation. It
	// is part of a ztoc's digest.
	DefaultTool = "AWS SOCI CLI v0.2"
	// DefaultSpanSize is the span size in bytes unless another is asked for.
	DefaultSpanSize = 4 << 20
)

// Ztoc is the content of a ztoc as plain values, in the order of the file.
// The fields of a decoded Ztoc are well formed but not validated: see
// [Ztoc.Layer] and [Ztoc.CheckLazy].
type Ztoc struct {
	Version, BuildTool string
	// CompressedSize is the size of the layer blob in bytes.
	CompressedSize int64
	// UncompressedSize is the tar stream position, in bytes, at which a tar
	// reader sees the end of the archive.
	UncompressedSize int64
	// Entries are the tar entries, in tar order.
	Entries []toc.Entry

	Compression Compression
	// SpanSize is what was asked for, in bytes. The spans of a plain tar have
	// this size, those of a gzip stream at least.
	SpanSize int64
	// MaxSpanID is the number of spans less one.
	MaxSpanID int32
	// SpanDigests are of the compressed bytes of each span.
	SpanDigests []digest.Digest
	// BlobVersion is the version of the checkpoint blob. Gzip: 1 or 2. Plain
	// tar: what the blob says, 2 in practice.
	BlobVersion int32
	// Checkpoints are where the spans of a gzip stream start, the implied one
	// of version 1 included. A plain tar has none.
	Checkpoints []Checkpoint
}
