// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
)

// TestFineSpans gathers spans whose windows are short, long, unused or given up.
func TestFineSpans(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), inflate.WindowSize/16)
	var f fineSpans
	f.drop() // nothing is open
	f.begin(point{in: 10}, nil)
	f.drop()
	f.begin(point{in: 12}, nil)
	f.begin(point{in: 50, out: 5, bits: 3}, []byte("hello"))
	f.used.Add(inflate.WindowSize-4, inflate.WindowSize-1)
	f.begin(point{in: 100, out: 90_000}, long)
	f.used.Add(0, 2)
	f.used.Add(16, 17)
	f.end()
	f.used.Add(5, 6) // of nobody
	f.end()
	mask := func(runs ...int) *inflate.Mask {
		m := new(inflate.Mask)
		for i := 0; i < len(runs); i += 2 {
			m.Add(runs[i], runs[i+1])
		}
		return m
	}
	want := []compact.SpanSource{
		{Start: 12, End: 50},
		{Start: 49, End: 100, Bits: 3, OutStart: 5, Window: []byte("ell"), Mask: mask(inflate.WindowSize-4, inflate.WindowSize-1)},
		{Start: 100, OutStart: 90_000, Window: []byte("010"), Mask: mask(0, 2, 16, 17)},
	}
	if d := cmp.Diff(want, f.list); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
