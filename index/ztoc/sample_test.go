// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// sample is a consistent gzip ztoc with three spans and some entries.
func sample() *ztoc.Ztoc {
	window := func(c byte) []byte { return bytes.Repeat([]byte{c}, ztoc.WindowSize) }
	return &ztoc.Ztoc{
		Version: ztoc.Version, BuildTool: ztoc.DefaultTool,
		CompressedSize: 5000, UncompressedSize: 200 << 10,
		Entries:     sampleEntries(),
		Compression: ztoc.Gzip, SpanSize: 64 << 10, MaxSpanID: 2,
		SpanDigests: digests(3), BlobVersion: 2,
		Checkpoints: []ztoc.Checkpoint{
			{In: 10, Window: window(0)},
			{In: 1000, Out: 70 << 10, Bits: 3, Window: window('a')},
			{In: 3000, Out: 150 << 10, Window: window('b')},
		},
	}
}

// samplePlain is a consistent ztoc of a plain tar with three spans.
func samplePlain() *ztoc.Ztoc {
	return &ztoc.Ztoc{
		Version: ztoc.Version, BuildTool: "tool",
		CompressedSize: 200 << 10, UncompressedSize: 195 << 10,
		Entries:     sampleEntries(),
		Compression: ztoc.Uncompressed, SpanSize: 80 << 10, MaxSpanID: 2,
		SpanDigests: digests(3), BlobVersion: 2,
	}
}

func sampleEntries() []toc.Entry {
	mtime := time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC)
	return []toc.Entry{
		{Name: "./", Type: toc.Directory, Offset: 512, Mode: 0o755, ModTime: mtime},
		{
			Name: "./a", Type: toc.Regular, Offset: 1536, Size: 1000, Mode: 0o4755, UID: 1<<32 - 1, GID: 7,
			Uname: "u", Gname: "g", ModTime: mtime.In(time.FixedZone("", -5*3600)),
			PAX: []toc.Record{{Key: "SCHILY.xattr.user.x", Value: "\x00\xff"}, {Key: "mtime", Value: "1.5"}},
		},
		{Name: "./b", Type: toc.Hardlink, Offset: 3072, Linkname: "./a", ModTime: mtime},
		{Name: "./c", Type: toc.Symlink, Offset: 3584, Linkname: "../nul", Mode: 0o777},
		{Name: "./d", Type: toc.CharDevice, Offset: 4096, Devmajor: 1, Devminor: 3, ModTime: mtime},
		{Name: "./e", Type: toc.BlockDevice, Offset: 4608, Devmajor: 8},
		{Name: "./f", Type: toc.FIFO, Offset: 5120},
		{Name: "./g\n\xff", Type: toc.Regular, Offset: 5632, Size: 0},
		{Name: "./h", Type: toc.Regular, Offset: 6144, Size: 150 << 10},
	}
}

func digests(n int) []digest.Digest {
	var d []digest.Digest
	for i := range n {
		d = append(d, digest.FromBytes([]byte{byte(i)}))
	}
	return d
}

func encode(tb testing.TB, z *ztoc.Ztoc) []byte {
	tb.Helper()
	b, err := z.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// entry is the sample's entry i, to be changed.
func entry(z *ztoc.Ztoc, i int) *toc.Entry { return &z.Entries[i] }

// ranges are the spans of l without their digests.
func ranges(l span.Layer) []span.Span {
	var all []span.Span
	for i := range l.Len() {
		s := l.Span(span.ID(i))
		s.Digest = span.Digest{}
		all = append(all, s)
	}
	return all
}
