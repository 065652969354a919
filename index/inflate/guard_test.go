// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/spryd/spry/index/inflate"
)

// arena is memory between two pages that cannot be touched.
type arena struct{ b []byte }

func newArena(t *testing.T, size int) arena {
	t.Helper()
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{m[:page], m[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return arena{m[page : page+size : page+size]}
}

// front is the first n bytes, behind a guard.
func (a arena) front(n int) []byte { return a.b[:n:n] }

// back is the last n bytes, before a guard.
func (a arena) back(n int) []byte { return a.b[len(a.b)-n:] }

// TestGuards decodes good and damaged streams with inaccessible memory right
// before and after input and output; anything out of bounds is a crash.
func TestGuards(t *testing.T) {
	const size = 40_000
	in, out := newArena(t, size+4096), newArena(t, inflate.BufferSize(size))
	rng := rand.New(rand.NewPCG(15, 16))
	encs, datas := encoders(), plains()
	for range 150 {
		p := datas[rng.IntN(len(datas))].data
		if len(p) > 0 {
			o := rng.IntN(len(p))
			p = p[o:min(len(p), o+rng.IntN(size))]
		}
		raw := encs[rng.IntN(len(encs))].encode(p)
		for i := range 20 {
			r := raw
			if i > 3 {
				r = damage(rng, raw)
			}
			guarded(t, in, out, r, p[:rng.IntN(len(p)+1)], i <= 3)
		}
	}
}

// guarded decodes len(want) bytes at each end of the arenas, with and without a window.
func guarded(t *testing.T, in, out arena, raw, want []byte, good bool) {
	if len(raw) > len(in.b) {
		return
	}
	window := []byte("window")
	for i := range 4 {
		src, dst, w := in.back(len(raw)), out.back(len(want)+inflate.OutputSlack), window[:0]
		if i&1 != 0 {
			src = in.front(len(raw))
		}
		if i&2 != 0 {
			w = window
			dst = out.front(len(w) + len(want) + inflate.OutputSlack)
		}
		copy(src, raw)
		got, err := inflate.DecodeAt(dst, inflate.PadInput(src), 0, w, len(want))
		if good && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%d bytes: %v", len(want), err)
		}
		if err == nil && len(got) > 0 && &got[0] != &dst[len(w)] {
			t.Fatal("buffer not used")
		}
	}
}
