// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"testing"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// TestFineParts: the fine spans of a span are as many as come nearest to the
// wanted size, and about the same size, also where blocks are large.
func TestFineParts(t *testing.T) {
	const spanSize = 200_000
	text := archive(t, tar.FormatPAX, textFiles(20, 60_000))
	for _, test := range []struct {
		fine, block int64
		parts       int
		least, most int64 // bytes of a fine span
	}{
		{fine: 38_000, block: 1000, parts: 5, least: 39_000, most: 41_000},
		{fine: 36_000, block: 1000, parts: 6, least: 32_000, most: 35_000},
		{fine: 60_000, block: 30_000, parts: 3, least: 60_000, most: 90_000},
		{fine: 150_000, block: 1000, parts: 1, least: 200_000, most: 201_000},
		{fine: 900_000, block: 1000, parts: 1, least: 200_000, most: 201_000},
		{fine: 40_000, block: 50_000, parts: 4, least: 50_000, most: 100_000},
		{fine: 40_000, block: 59_000, parts: 4, least: 59_000, most: 59_000},
		{fine: 40_000, block: 0, parts: 5, least: 40_000, most: 40_000},
	} {
		t.Run(fmt.Sprint(test.fine, " ", test.block), func(t *testing.T) {
			blob, o := text, build.Options{SpanSize: spanSize, FineSpanSize: test.fine, Compression: ztoc.Uncompressed}
			if test.block > 0 {
				blob, o.Compression = compress(t, text, 6, int(test.block)), ztoc.Gzip
			}
			res, err := build.Layer(t.Context(), bytes.NewReader(blob), o)
			if err != nil {
				t.Fatal(err)
			}
			whole := int(res.Ztoc.MaxSpanID) - 1 // the last ones are cut, or behind the archive
			if whole < 3 || len(res.Spans) <= whole*test.parts {
				t.Fatalf("%d fine spans in more than %d of the ztoc", len(res.Spans), whole)
			}
			for i := range whole * test.parts {
				n := int64(res.Spans[i+1].OutStart - res.Spans[i].OutStart)
				if n < test.least || n > test.most {
					t.Errorf("fine span %d has %d bytes, want %d to %d", i, n, test.least, test.most)
				}
			}
			if o.Compression == ztoc.Uncompressed {
				return
			}
			for i := range whole {
				if got, want := res.Spans[i*test.parts].OutStart, res.Ztoc.Checkpoints[i].Out; got != want {
					t.Errorf("fine span %d starts at %d, span %d of the ztoc at %d", i*test.parts, got, i, want)
				}
			}
		})
	}
}
