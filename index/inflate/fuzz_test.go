// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/spryd/spry/index/inflate"
)

// FuzzDecode compares whole raw streams with compress/flate, at once and in
// pieces.
func FuzzDecode(f *testing.F) {
	for _, e := range encoders() {
		f.Add(e.encode(source().text[:700]), uint16(0))
		f.Add(e.encode(plains()[7].data[:3000]), uint16(100))
	}
	var w bitWriter
	w.header(randomCode(rand.New(rand.NewPCG(1, 1)), 286), randomCode(rand.New(rand.NewPCG(1, 2)), 30))
	f.Add(append(w.finish(), "some symbols of a random code"...), uint16(32768))
	f.Fuzz(func(t *testing.T, raw []byte, window uint16) {
		history := source().text[:min(int(window), inflate.WindowSize)]
		compare(t, raw, history, inflate.AtOnce())
		rng := rand.New(rand.NewPCG(uint64(len(raw)), uint64(window)))
		compare(t, raw, history, inflate.Pieces{
			In:  func() int { return 1 + rng.IntN(60) },
			Out: func() int { return 1 + rng.IntN(400) },
		})
	})
}

// FuzzResume takes any data, compresses it, and decodes from each block to
// the end, and all but the last byte.
func FuzzResume(f *testing.F) {
	f.Add([]byte("hello hello hello"), 6, uint16(3))
	f.Add(source().text[:3000], 1, uint16(500))
	f.Add(source().binary[:3000], -2, uint16(1000))
	f.Add(make([]byte, 3000), 9, uint16(1))
	f.Fuzz(func(t *testing.T, p []byte, level int, cut uint16) {
		level = max(-2, min(9, level))
		var blob bytes.Buffer
		for rest := p; len(rest) > 0; {
			n := min(len(rest), max(int(cut), 1+len(p)/50))
			blob.Write(gzipped(rest[:n], level, gzip.Header{}))
			rest = rest[n:]
		}
		if len(p) == 0 {
			return
		}
		rec := &recorder{t: t}
		if _, err := inflate.Walk(bytes.NewReader(blob.Bytes()), rec); err != nil || !bytes.Equal(rec.out, p) {
			t.Fatalf("walk: %v", err)
		}
		in := inflate.PadInput(blob.Bytes())
		for _, b := range rec.blocks {
			n := len(p) - int(b.Out)
			got, err := inflate.DecodeAt(nil, in, b.BitPos, b.window, n)
			if err != nil || !bytes.Equal(got, p[b.Out:]) {
				t.Fatalf("block at bit %d: %v", b.BitPos, err)
			}
			if _, err = inflate.DecodeAt(nil, in, b.BitPos, b.window, n+1); !errors.Is(err, inflate.ErrTruncated) {
				t.Fatalf("block at bit %d: error %v after the end", b.BitPos, err)
			}
		}
	})
}

// FuzzWalk compares walks of anything with compress/gzip; what is accepted is
// decoded from each block again.
func FuzzWalk(f *testing.F) {
	header := gzip.Header{Name: "name", Comment: "comment", Extra: []byte("extra")}
	for level := range 10 {
		f.Add(gzipped(source().text[:1000], level, header))
	}
	f.Add(withHeaderCRC(gzipped(source().text[:200], 6, header)))
	f.Add(flushed(source().text[:200]))
	f.Add(gzipped(nil, 6, gzip.Header{}))
	f.Add(append(gzipped(source().text[:2000], 6, gzip.Header{}), gzipped(source().text[:300], 9, header)...))
	f.Add(append(gzipped(source().text[:200], 6, gzip.Header{}), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, blob []byte) {
		const limit = 1 << 20
		var want []byte
		zr, wantErr := gzip.NewReader(bytes.NewReader(blob))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(zr, limit))
		}
		if len(want) == limit {
			return
		}
		rec := &recorder{t: t}
		n, err := inflate.Walk(bytes.NewReader(blob), rec)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, compress/gzip %v", err, wantErr)
		}
		if err != nil {
			// How much comes before the error differs: a walk gives whole
			// blocks.
			if short := min(len(want), len(rec.out)); !bytes.Equal(rec.out[:short], want[:short]) {
				t.Fatalf("output before the error differs (%v, %v)", err, wantErr)
			}
			return
		}
		if !bytes.Equal(rec.out, want) {
			t.Fatalf("%d bytes, compress/gzip %d, or they differ", len(rec.out), len(want))
		}
		if n != int64(len(blob)) {
			t.Fatalf("%d compressed bytes of %d", n, len(blob))
		}
		for i, b := range rec.blocks {
			got, err := inflate.DecodeAt(nil, inflate.PadInput(blob), b.BitPos, b.window, len(want)-int(b.Out))
			if err != nil || !bytes.Equal(got, want[b.Out:]) {
				t.Fatalf("block %d at bit %d: %v", i, b.BitPos, err)
			}
		}
	})
}
