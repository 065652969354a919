// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"math/rand/v2"
	"testing"
)

// TestTableSizes computes how large a table can get, as zlib's examples/enough
// does: over all complete codes of up to symbols codewords of up to 15 bits,
// the root table plus the subtables.
func TestTableSizes(t *testing.T) {
	for _, tt := range []struct {
		symbols int
		root    int
		size    int
	}{
		{numFixedLit, litBits, litTableSize},
		{numFixDist, distBits, distTableSize},
		{numPre, preBits, 1 << preBits},
	} {
		e := enough{root: tt.root, longest: maxCodeBits, best: map[shape]int{}}
		if tt.root == preBits {
			e.longest = preBits
		}
		if got := e.most(shape{tt.symbols, 1, 2, 0}) + 1<<tt.root; got != tt.size {
			t.Errorf("%d symbols, %d bits: largest table has %d entries, constant says %d", tt.symbols, tt.root, got, tt.size)
		}
	}
}

// enough finds the code with the largest subtables.
type enough struct {
	root, longest int
	best          map[shape]int
}

// shape is what matters about the codewords shorter than size bits once they
// are placed: symbols still to place, free codewords of size bits, and how
// many of these the last subtable has room for.
type shape struct{ symbols, size, free, room int }

// impossible is the subtables of codes that cannot be completed.
const impossible = -1 << 30

// most is the largest number of entries of the subtables to come.
func (e *enough) most(s shape) int {
	if s.free == 0 {
		return 0
	}
	if s.size > e.longest || s.free > s.symbols {
		return impossible
	}
	if n, ok := e.best[s]; ok {
		return n
	}
	best := impossible
	for n := range min(s.free, s.symbols) + 1 {
		next := shape{s.symbols - n, s.size + 1, 2 * (s.free - n), 0}
		if s.size <= e.root {
			best = max(best, e.most(next))
			continue
		}
		// The codewords fill the open subtable, then as many new ones, each
		// as wide as its shortest codeword asks, as it takes. The last one
		// doubles if it is not full.
		width := 1 << (s.size - e.root)
		opened := (max(0, n-s.room) + width - 1) / width
		extra, room := opened*width, s.room+opened*width-n
		if room > 0 {
			next.room = 2 * room
			extra += width
		}
		best = max(best, extra+e.most(next))
	}
	e.best[s] = best
	return best
}

// TestBuildTable looks up every codeword of random complete codes.
func TestBuildTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	table := make([]uint32, litTableSize)
	for range 2000 {
		lens := completeCode(rng, numFixedLit)
		if !buildTable(table, litBits, lens, litSymbols[:]) {
			t.Fatalf("code rejected: %v", lens)
		}
		checkCode(t, table, lens)
		// One codeword less is incomplete, one more over-subscribed.
		for i, l := range lens {
			if l != 0 {
				lens[i] = 0
				break
			}
		}
		if buildTable(table, litBits, lens, litSymbols[:]) && !single(lens) {
			t.Fatalf("incomplete code accepted: %v", lens)
		}
	}
}

// single tells whether lens is a single codeword of one bit, the only
// incomplete code with codewords that is allowed.
func single(lens []uint8) bool {
	n := 0
	for _, l := range lens {
		n += int(l)
	}
	return n == 1
}

// checkCode enumerates the canonical code by counting.
func checkCode(t *testing.T, table []uint32, lens []uint8) {
	t.Helper()
	code := uint32(0)
	for size := uint8(1); size <= maxCodeBits; size++ {
		code <<= 1
		for sym, l := range lens {
			if l != size {
				continue
			}
			reversed := uint64(0)
			for i := range size {
				reversed |= uint64(code>>i&1) << (size - 1 - i)
			}
			e, n := lookup(table, litBits, reversed)
			extra := uint(litSymbols[sym] & dropMask)
			if n != uint(size)+extra || e>>16 != litSymbols[sym]>>16 || e&isEnd != litSymbols[sym]&isEnd {
				t.Fatalf("symbol %d, codeword %0*b: entry %08x of %d bits", sym, size, code, e, n)
			}
			code++
		}
	}
}

// completeCode splits random codewords until there are as many as wanted.
func completeCode(rng *rand.Rand, symbols int) []uint8 {
	leaves := []uint8{1, 1}
	deep := rng.IntN(4)
	for want := 2 + rng.IntN(symbols-1); len(leaves) < want; {
		i := rng.IntN(len(leaves))
		if deep > 0 && rng.IntN(deep+1) > 0 {
			i = len(leaves) - 1
		}
		if leaves[i] == maxCodeBits {
			deep = 0
			continue
		}
		leaves[i]++
		leaves = append(leaves, leaves[i])
	}
	lens := make([]uint8, symbols)
	for i, j := range rng.Perm(symbols)[:len(leaves)] {
		lens[j] = leaves[i]
	}
	return lens
}
