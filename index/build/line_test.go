// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// spanDigests are the digests of b's spans that begin at the points chosen,
// computed from the whole of b.
func spanDigests(b []byte, points []point, chosen func(point) bool) []digest.Digest {
	var all []digest.Digest
	for i, p := range points {
		if !chosen(p) {
			continue
		}
		end := int64(len(b))
		for _, next := range points[i+1:] {
			if chosen(next) {
				end = int64(next.in)
				break
			}
		}
		all = append(all, digest.FromBytes(b[p.start():end]))
	}
	return all
}

// TestHashes cuts blobs at random points into pieces and hashes these.
func TestHashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		blob := make([]byte, rng.IntN(200_000))
		for i := range blob {
			blob[i] = byte(rng.Uint32())
		}
		cut, h := newCutter(), newHashes(Options{})
		open := &piece{}
		var points []point
		written := 0
		for at := 1 + rng.IntN(300); at < len(blob); at += 1 + rng.IntN(1+len(blob)/4) {
			p := point{in: span.CompressedOffset(at), bits: uint8(rng.IntN(3)), coarse: rng.IntN(2) == 0, fine: rng.IntN(3) > 0}
			points = append(points, p)
			ahead := min(len(blob), at+rng.IntN(1000))
			if ahead > written {
				if err := cut.write(blob[written:ahead]); err != nil {
					t.Fatal(err)
				}
				written = ahead
			}
			open.data = cut.cut(p)
			h.add(open)
			cut.recycle(open.data)
			open = &piece{point: p}
		}
		if err := cut.write(blob[written:]); err != nil {
			t.Fatal(err)
		}
		open.data = cut.buf
		h.add(open)
		if got, want := digest.NewDigest(digest.SHA256, h.blob), digest.FromBytes(blob); got != want {
			t.Fatalf("blob %s, want %s", got, want)
		}
		if d := cmp.Diff(spanDigests(blob, points, func(p point) bool { return p.coarse }), h.coarse.digests()); d != "" {
			t.Fatalf("coarse (-want +got):\n%s", d)
		}
		if d := cmp.Diff(spanDigests(blob, points, func(p point) bool { return p.fine }), h.fine.digests()); d != "" {
			t.Fatalf("fine (-want +got):\n%s", d)
		}
	}
}

// TestLongBlock wants a block that nobody can hold refused by name.
func TestLongBlock(t *testing.T) {
	c := newCutter()
	c.buf = make([]byte, ztoc.MaxSpanSize-10)
	if err := c.write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := c.write([]byte{0}); !errors.Is(err, ErrSkip) {
		t.Errorf("got %v, want %v", err, ErrSkip)
	}
}

// TestProverFinds gives the prover pieces that do not decode to what it is told.
func TestProverFinds(t *testing.T) {
	stored := []byte("\x00\x05\x00\xfa\xffhello\x01\x00\x00\xff\xff")
	good := piece{
		point: point{in: 10, coarse: true, fine: true},
		data:  stored, size: 5, crc: crc32.ChecksumIEEE([]byte("hello")),
	}
	tests := map[string]func(p *piece){
		"crc":       func(p *piece) { p.crc++ },
		"size":      func(p *piece) { p.size-- },
		"too long":  func(p *piece) { p.size++ },
		"truncated": func(p *piece) { p.data = p.data[:7] },
		"data":      func(p *piece) { p.data = []byte("\x00\x05\x00\xfa\xffhallo\x01\x00\x00\xff\xff") },
	}
	if p := good; newProver(ztoc.Gzip).prove(&p) != nil || string(p.decoded) != "hello" {
		t.Fatalf("good piece decodes to %q", p.decoded)
	}
	for name, damage := range tests {
		p := good
		damage(&p)
		if err := newProver(ztoc.Gzip).prove(&p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLineStops wants an error on the line to end the pass, also one that
// waits for room.
func TestLineStops(t *testing.T) {
	l := newLine(t.Context(), Options{Compression: ztoc.Gzip}, func(*piece) {})
	bad := func() *piece {
		return &piece{point: point{coarse: true}, data: make([]byte, maxUnderWay), size: 7}
	}
	var err error
	for err == nil {
		err = l.send(bad())
	}
	if err := l.close(); err == nil || errors.Is(err, t.Context().Err()) {
		t.Errorf("got %v, want the error of the piece", err)
	}
}
