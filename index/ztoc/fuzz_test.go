// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// FuzzDecode decodes anything. What decodes must encode to something that
// decodes to the same, and its layer, if it has one, must keep the promises of
// package span.
func FuzzDecode(f *testing.F) {
	small := sample()
	small.Checkpoints, small.MaxSpanID, small.SpanDigests = small.Checkpoints[:1], 0, digests(1)
	v1 := sample()
	v1.BlobVersion, v1.MaxSpanID, v1.SpanDigests = 1, 0, digests(1)
	v1.Checkpoints = []ztoc.Checkpoint{{In: 10}}
	for _, z := range []*ztoc.Ztoc{small, v1, samplePlain()} {
		f.Add(encode(f, z))
	}
	f.Add(shared(3, 2, "text"))
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := ztoc.Decode(b)
		if err != nil {
			if !errors.Is(err, ztoc.ErrInvalid) && !errors.Is(err, ztoc.ErrUnsupported) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		_ = z.CheckLazy()
		if l, err := z.Layer(); err == nil {
			checkContract(t, l)
		}
		again, err := ztoc.Decode(encode(t, z))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(z, again, cmp.Comparer(bytes.Equal)); d != "" {
			t.Errorf("decoded again (-first +second):\n%s", d)
		}
	})
}

// checkContract checks what every layer promises.
func checkContract(t *testing.T, l span.Layer) {
	t.Helper()
	var out span.UncompressedOffset
	for i := range l.Len() {
		s := l.Span(span.ID(i))
		if s.ID != span.ID(i) || s.OutStart != out || s.OutEnd < s.OutStart {
			t.Fatalf("span %d follows output byte %d: %+v", i, out, s)
		}
		if s.Start < 0 || s.Start >= s.End || int64(s.End) > l.CompressedSize() {
			t.Fatalf("span %d of %d bytes: %+v", i, l.CompressedSize(), s)
		}
		if s.OutEnd > s.OutStart && (l.At(s.OutStart) != s.ID || l.At(s.OutEnd-1) != s.ID) {
			t.Fatalf("span %d holds other bytes than At says: %+v", i, s)
		}
		if n := l.DecodeBufferSize(s.ID); int64(n) < s.UncompressedSize() {
			t.Fatalf("span %d: buffer of %d bytes for %d", i, n, s.UncompressedSize())
		}
		out = s.OutEnd
	}
}

// FuzzCheckpointBlob decodes anything as a checkpoint blob; what decodes
// encodes to the same bytes. fill repeats the input so that records, which
// are large, are reached.
func FuzzCheckpointBlob(f *testing.F) {
	for _, n := range []int{1, 2} {
		z := sample()
		z.Checkpoints = z.Checkpoints[:n]
		b, err := ztoc.EncodeGzipBlob(z)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:64], uint8(n), false)
		f.Add(b[:64], uint8(n), true)
	}
	f.Add(ztoc.EncodePlainBlob(samplePlain()), uint8(0), false)
	f.Fuzz(func(t *testing.T, seed []byte, n uint8, v1 bool) {
		blob := fill(seed, int(n%4), v1)
		for _, b := range [][]byte{seed, blob} {
			z, err := ztoc.DecodeGzipBlob(b)
			if err == nil {
				again, err := ztoc.EncodeGzipBlob(z)
				if err != nil || !bytes.Equal(again, b) {
					t.Fatalf("blob of %d bytes gave %d bytes again: %v", len(b), len(again), err)
				}
			} else if !errors.Is(err, ztoc.ErrInvalid) {
				t.Fatal(err)
			}
		}
		if z, err := ztoc.DecodePlainBlob(seed, 200<<10); err == nil {
			if again, err := ztoc.DecodePlainBlob(ztoc.EncodePlainBlob(z), 200<<10); err != nil || cmp.Diff(z, again) != "" {
				t.Fatalf("plain blob changed: %v", err)
			}
		}
	})
}

// fill is a blob of the right size for n spans, with the bytes of seed again
// and again.
func fill(seed []byte, n int, v1 bool) []byte {
	records := n
	if v1 {
		records = max(n-1, 0)
	}
	b := make([]byte, 12+records*(ztoc.WindowSize+17))
	for at := 0; at < len(b) && len(seed) > 0; {
		at += copy(b[at:], seed)
	}
	binary.LittleEndian.PutUint32(b, uint32(n))
	return b
}
