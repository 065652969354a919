// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"math/bits"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/ztoc"
)

// fineSpans gathers the spans of the compact form, without digests.
type fineSpans struct {
	list []compact.SpanSource
	open bool // list has one that goes on
	// used is what the open span was seen to refer to of window, the bytes
	// before it, at the end.
	used   inflate.Mask
	window [ztoc.WindowSize]byte
}

// begin ends the open span and begins another one at a point, behind window.
func (f *fineSpans) begin(at point, window []byte) {
	f.end()
	f.used = inflate.Mask{}
	copy(f.window[ztoc.WindowSize-len(window):], window)
	f.list = append(f.list, compact.SpanSource{Start: at.start(), Bits: at.bits, OutStart: at.out})
	if n := len(f.list); n > 1 {
		f.list[n-2].End = at.in
	}
	f.open = true
}

// end ends the open span: nothing it refers to will come.
func (f *fineSpans) end() {
	if !f.open {
		return
	}
	f.open = false
	n := f.used.Len()
	if n == 0 {
		return
	}
	mask, s := f.used, &f.list[len(f.list)-1]
	s.Mask, s.Window = &mask, make([]byte, 0, n)
	for i, word := range mask {
		for ; word != 0; word &= word - 1 {
			s.Window = append(s.Window, f.window[64*i+bits.TrailingZeros64(word)])
		}
	}
}

// drop forgets the open span, which has no output yet.
func (f *fineSpans) drop() {
	if f.open {
		f.list, f.open = f.list[:len(f.list)-1], false
	}
}
