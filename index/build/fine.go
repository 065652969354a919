// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/ztoc"
)

// fineSpans gathers the spans of the compact form, without digests.
type fineSpans struct {
	list []compact.SpanSource
	open bool // list has one that goes on
	// used is what the open span was seen to refer to of window, the bytes
	// before it.
	used   inflate.Mask
	window [ztoc.WindowSize]byte
	size   int // of window, at its end
}

// begin ends the open span and begins another one at a point, behind window.
func (f *fineSpans) begin(at point, window []byte) {
	f.end()
	f.used = inflate.Mask{}
	f.size = copy(f.window[ztoc.WindowSize-len(window):], window)
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
	for i := ztoc.WindowSize - f.size; i < ztoc.WindowSize; i++ {
		if mask.Has(i) {
			s.Window = append(s.Window, f.window[i])
		}
	}
}

// drop forgets the open span, which has no output yet.
func (f *fineSpans) drop() {
	if f.open {
		f.list, f.open = f.list[:len(f.list)-1], false
	}
}
