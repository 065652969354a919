// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import "github.com/spryd/spry/index/ztoc"

const (
	// MaxSize is the most bytes a compact index may have.
	MaxSize = 256 << 20
	// MaxSpans is the most spans a layer may have.
	MaxSpans = ztoc.MaxSpans
	// MaxSpanSize is the most bytes, compressed or decoded, that a span may
	// have: spans are held in memory.
	MaxSpanSize = ztoc.MaxSpanSize

	// maxSize is more bytes than the mapped form of any layer has.
	maxSize = 1 << 36
	// maxStream is more bytes than any layer has.
	maxStream = 1 << 48
	// maxRatio is the most output bytes that a byte of DEFLATE can give:
	// 4 matches of 258 bytes at 2 bits each.
	maxRatio = 1032
	// maxGroup is the most bytes of a group of windows, decompressed.
	maxGroup = 1 << 20
	// groupSize is how many bytes of windows an encoder puts into a group
	// before it begins another one. Of a Debian layer with spans of 512 KiB,
	// windows took 646 kB each for itself, 557 kB at 64 KiB a group, 527 kB at
	// 256 KiB and 499 kB all together.
	groupSize = 256 << 10
	// maxColumns bounds the columns of spans, decompressed: three numbers a
	// span of at most 10 bytes, and those of as many groups.
	maxColumns = MaxSpans * 5 * 10
)
