// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"bytes"
	"crypto/sha256"
	"errors"
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

// TestLine sends more than there is room for, and wants all of it hashed in
// order and given back.
func TestLine(t *testing.T) {
	var back int
	l := newLine(Options{}, func(b []byte) { back += len(b) })
	want := sha256.New()
	total := 0
	for i := range 20 {
		b := bytes.Repeat([]byte{byte(i)}, 1+i*maxUnderWay/12)
		want.Write(b)
		total += len(b)
		l.send(&piece{point: point{coarse: i == 0, fine: i == 0}, data: b})
	}
	l.close()
	if back != total {
		t.Errorf("%d bytes came back, want %d", back, total)
	}
	for name, got := range map[string][]digest.Digest{"coarse": l.hashes.coarse.digests(), "fine": l.hashes.fine.digests()} {
		if d := cmp.Diff([]digest.Digest{digest.NewDigest(digest.SHA256, want)}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if got := digest.NewDigest(digest.SHA256, l.hashes.blob); got != digest.NewDigest(digest.SHA256, want) {
		t.Errorf("blob %s", got)
	}
}
