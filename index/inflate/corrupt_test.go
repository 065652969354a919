// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/spryd/spry/index/inflate"
)

// compare decodes a stream with compress/flate and with this package and wants the same
// answer.
func compare(t testing.TB, raw, window []byte, p inflate.Pieces) (accepted bool) {
	t.Helper()
	const limit = 128 << 10
	br := bytes.NewReader(raw)
	fr := flate.NewReaderDict(br, window)
	want, wantErr := io.ReadAll(io.LimitReader(fr, limit+1))
	got, n, err := inflate.DecodeRaw(raw, window, limit, p)
	if len(want) > limit {
		if !errors.Is(err, inflate.ErrLimit) {
			t.Fatalf("error %v, want more than %d bytes", err, limit)
		}
		return false
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("error %v, compress/flate %v (%d and %d bytes)\n% x", err, wantErr, len(got), len(want), raw[:min(len(raw), 200)])
	}
	if err == nil && n != len(raw)-br.Len() {
		t.Fatalf("consumed %d bytes, compress/flate %d", n, len(raw)-br.Len())
	}
	// compress/flate wants as many bits as the end of block symbol has before
	// it looks for a literal, so it may give up a bit earlier.
	if err == nil && len(got) != len(want) || !bytes.HasPrefix(got, want) {
		t.Fatalf("%d bytes, compress/flate %d: they differ (%v, %v)", len(got), len(want), err, wantErr)
	}
	return err == nil
}

// damage flips bits, cuts, or replaces bytes.
func damage(rng *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) == 0 {
		return b
	}
	switch rng.IntN(4) {
	case 0:
		return b[:rng.IntN(len(b))]
	case 1: // near the front, where the headers are
		b[rng.IntN(min(len(b), 80))] ^= 1 << rng.IntN(8)
	case 2:
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	case 3:
		i := rng.IntN(len(b))
		for j := i; j < min(len(b), i+rng.IntN(8)); j++ {
			b[j] = byte(rng.Uint32())
		}
	}
	return b
}

// TestCorrupt compares the decision and the bytes on 6000 damaged streams.
func TestCorrupt(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	encs, datas := encoders(), plains()
	accepted, rejected := 0, 0
	for range 300 {
		p := datas[rng.IntN(len(datas))].data
		if len(p) > 0 {
			o := rng.IntN(len(p))
			p = p[o:min(len(p), o+rng.IntN(12_000))]
		}
		raw := encs[rng.IntN(len(encs))].encode(p)
		for range 20 {
			pieces := inflate.AtOnce()
			if rng.IntN(4) == 0 {
				pieces = inflate.Pieces{In: func() int { return 1 + rng.IntN(900) }, Out: func() int { return 1 + rng.IntN(9000) }}
			}
			if compare(t, damage(rng, raw), nil, pieces) {
				accepted++
			} else {
				rejected++
			}
		}
	}
	t.Logf("%d accepted, %d rejected", accepted, rejected)
	if accepted < 100 || rejected < 3000 {
		t.Error("the damage is not what this test is for")
	}
}

// TestRandomCodes compares dynamic blocks with random, mostly incomplete or
// over-subscribed, codes and random data behind them.
func TestRandomCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	lens := func(n, maxLen int) []uint8 {
		l := make([]uint8, n)
		for i := range l {
			if rng.IntN(3) == 0 {
				l[i] = uint8(rng.IntN(maxLen + 1))
			}
		}
		return l
	}
	accepted := 0
	for i := range 4000 {
		var w bitWriter
		lit, dist := lens(257+rng.IntN(32), 15), lens(1+rng.IntN(32), 15)
		if i%2 == 0 {
			lit, dist = randomCode(rng, len(lit)), randomCode(rng, len(dist))
		}
		switch rng.IntN(6) {
		case 0: // one distance code, or none
			clear(dist)
			dist[rng.IntN(len(dist))] = uint8(rng.IntN(3))
		case 1:
			clear(lit)
			lit[256] = uint8(rng.IntN(3))
		}
		w.header(lit, dist)
		for range 10 + rng.IntN(300) {
			w.bits(rng.Uint32(), 8)
		}
		if compare(t, w.finish(), source().text[:40_000][:rng.IntN(32768)], inflate.AtOnce()) {
			accepted++
		}
	}
	t.Logf("%d accepted", accepted)
	if accepted == 0 {
		t.Error("no stream accepted")
	}
}

// randomCode is the lengths of a complete code with at least two symbols of
// up to n, in random places.
func randomCode(rng *rand.Rand, n int) []uint8 {
	used := 2 + rng.IntN(max(1, n-1))
	used = min(used, n)
	lens := make([]uint8, n)
	if used < 2 {
		lens[0] = 1
		return lens
	}
	leaves := []uint8{1, 1}
	for tries := 0; len(leaves) < used && tries < 10*n; tries++ {
		i := rng.IntN(len(leaves))
		if rng.IntN(2) == 0 {
			i = len(leaves) - 1 // deep
		}
		if leaves[i] < 15 {
			leaves[i]++
			leaves = append(leaves, leaves[i])
		}
	}
	for i, j := range rng.Perm(n)[:len(leaves)] {
		lens[j] = leaves[i]
	}
	return lens
}
