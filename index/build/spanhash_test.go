// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

// bound is where a span starts: whole bytes from in, and some bits before.
type bound struct {
	in   int64
	bits uint8
}

// spanDigests are the digests of b's spans, computed from the whole of b.
func spanDigests(b []byte, bounds []bound) []digest.Digest {
	var all []digest.Digest
	for i, s := range bounds {
		start, end := s.in, int64(len(b))
		if s.bits != 0 {
			start--
		}
		if i+1 < len(bounds) {
			end = bounds[i+1].in
		}
		all = append(all, digest.FromBytes(b[start:end]))
	}
	return all
}

// feedSpans writes b in pieces, and tells of bounds as late as lag bytes after
// they were written.
func feedSpans(t *testing.T, s *spanHash, b []byte, bounds []bound, lag int64) {
	t.Helper()
	cut := func(known int64) {
		for len(bounds) > 0 && bounds[0].in <= known {
			if err := s.cut(bounds[0].in, bounds[0].bits); err != nil {
				t.Fatal(err)
			}
			bounds = bounds[1:]
		}
	}
	const piece = 50_000
	for at := 0; at < len(b); at += piece {
		s.write(b[at:min(at+piece, len(b))])
		cut(s.end() - lag)
	}
	cut(s.end())
}

func TestSpanHash(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	blob := make([]byte, 3_000_000)
	for i := range blob {
		blob[i] = byte(rng.Uint32())
	}
	tests := map[string][]bound{
		"none":        nil,
		"one":         {{10, 0}},
		"from 0":      {{0, 0}, {1, 0}},
		"bits":        {{10, 0}, {5000, 3}, {5001, 7}, {5001 + 40_000, 0}},
		"long":        {{26, 0}, {2_900_000, 1}},
		"at the end":  {{10, 0}, {3_000_000, 4}},
		"very close":  {{10, 0}, {11, 2}, {12, 2}, {13, 0}, {14, 1}},
		"every piece": {{10, 0}, {50_000, 1}, {100_000, 1}, {150_000, 0}},
	}
	for name, bounds := range tests {
		for _, lag := range []int64{0, 1, 49_999, 128 << 10, maxBehind - 50_000} {
			t.Run(name, func(t *testing.T) {
				s := newSpanHash()
				feedSpans(t, s, blob, bounds, lag)
				if d := cmp.Diff(spanDigests(blob, bounds), s.close()); d != "" {
					t.Errorf("lag %d: digests (-want +got):\n%s", lag, d)
				}
			})
		}
	}
}

// TestSpanHashRefuses is about bounds that come too late or too early.
func TestSpanHashRefuses(t *testing.T) {
	s := newSpanHash()
	s.write(make([]byte, 4*maxBehind))
	for _, in := range []int64{-1, 0, maxBehind, 4*maxBehind + 1} {
		if err := s.cut(in, 0); err == nil {
			t.Errorf("bound at %d was accepted", in)
		}
	}
	if err := s.cut(4*maxBehind, 0); err != nil {
		t.Error(err)
	}
}

func TestSpanHashDrop(t *testing.T) {
	s := newSpanHash()
	b := []byte("0123456789")
	s.write(b)
	for _, in := range []int64{2, 4} {
		s.drop()
		if err := s.cut(in, 0); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]digest.Digest{digest.FromBytes(b[4:])}, s.close()); d != "" {
		t.Errorf("digests (-want +got):\n%s", d)
	}
}
