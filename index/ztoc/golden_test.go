// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// goldenZtocs is how many ztocs the golden files hold.
const goldenZtocs = 115

// eachGolden runs f for every golden ztoc.
func eachGolden(t *testing.T, f func(t *testing.T, g ztoctest.Golden, c ztoctest.Case)) {
	g := ztoctest.FindGolden(t)
	n := 0
	for _, c := range g.Cases(t) {
		if c.File == "" {
			continue
		}
		n++
		t.Run(c.Name(), func(t *testing.T) { f(t, g, c) })
	}
	if n != goldenZtocs {
		t.Errorf("got %d golden ztocs, want %d", n, goldenZtocs)
	}
}

func decode(t *testing.T, b []byte) *ztoc.Ztoc {
	t.Helper()
	z, err := ztoc.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestGoldenEncode(t *testing.T) {
	eachGolden(t, func(t *testing.T, g ztoctest.Golden, c ztoctest.Case) {
		want := g.Ztoc(t, c)
		sum := sha256.Sum256(want)
		if got := "sha256:" + hex.EncodeToString(sum[:]); got != c.ZtocDigest {
			t.Fatalf("golden file has digest %s, want %s", got, c.ZtocDigest)
		}
		z := decode(t, want)
		got, err := z.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes that differ from the %d golden ones", len(got), len(want))
		}
		if size := z.EncodedSize(); size < int64(len(got)) {
			t.Errorf("encoded size %d is not a bound of %d", size, len(got))
		}
	})
}

func TestGoldenSpans(t *testing.T) {
	eachGolden(t, func(t *testing.T, g ztoctest.Golden, c ztoctest.Case) {
		z := decode(t, g.Ztoc(t, c))
		want := g.Spans(t, c)
		layer, err := z.Layer()
		if err != nil {
			t.Fatal(err)
		}
		got := ztoctest.Spans{
			CompressedArchiveSize:   layer.CompressedSize(),
			UncompressedArchiveSize: z.UncompressedSize,
			CompressionAlgorithm:    z.Compression.String(),
			MaxSpanID:               z.MaxSpanID,
		}
		for i := range layer.Len() {
			s := layer.Span(span.ID(i))
			got.Spans = append(got.Spans, ztoctest.Span{
				ID: int32(s.ID), CompressedStart: int64(s.Start), CompressedEnd: int64(s.End),
				OutStart: int64(s.OutStart), OutEnd: int64(s.OutEnd),
				Digest: "sha256:" + hex.EncodeToString(s.Digest[:]),
			})
		}
		// A last span that the reference ends before its start is empty here.
		last := &want.Spans[len(want.Spans)-1]
		last.OutEnd = max(last.OutEnd, last.OutStart)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("spans (-want +got):\n%s", d)
		}
	})
}

func TestGoldenFiles(t *testing.T) {
	eachGolden(t, func(t *testing.T, g ztoctest.Golden, c ztoctest.Case) {
		z := decode(t, g.Ztoc(t, c))
		err := z.CheckLazy()
		if strings.HasPrefix(c.Layer, "sparse-") {
			if err == nil {
				t.Error("a sparse layer passed CheckLazy")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		blob := g.Layer(t, c.Layer)
		checkFiles(t, z, blob, g.Files(t, c.Layer).RegularFiles)
	})
}

func TestGoldenV1(t *testing.T) {
	g := ztoctest.FindGolden(t)
	for name, b := range g.ZtocsV1(t) {
		t.Run(name, func(t *testing.T) {
			z := decode(t, b)
			if z.BlobVersion != 1 {
				t.Fatalf("got blob version %d, want 1", z.BlobVersion)
			}
			again, err := z.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, b) {
				t.Error("encoding again gave other bytes")
			}
			layer := strings.TrimSuffix(strings.TrimSuffix(name, ".64k"), ".4m")
			blob := g.Layer(t, layer)
			err = z.CheckPrefix(blob[:10])
			if strings.Contains(name, "gnugzip-name") {
				if err == nil {
					t.Error("a header longer than 10 bytes passed CheckPrefix")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkFiles(t, z, blob, g.Files(t, layer).RegularFiles)
		})
	}
}

// checkFiles reads every regular file through the spans, and compares with want.
func checkFiles(t *testing.T, z *ztoc.Ztoc, blob []byte, want []ztoctest.File) {
	t.Helper()
	layer, err := z.Layer()
	if err != nil {
		t.Fatal(err)
	}
	if err := z.CheckPrefix(blob[:layer.Span(0).Start]); err != nil {
		t.Fatal(err)
	}
	out := decodeAll(t, layer, blob)
	var got []ztoctest.File
	for _, e := range z.Entries {
		if e.Type != toc.Regular {
			continue
		}
		var data []byte
		if e.Size > 0 {
			data = readThrough(t, layer, out, e)
		}
		sum := sha256.Sum256(data)
		got = append(got, ztoctest.File{Offset: int64(e.Offset), Size: e.Size, SHA256: hex.EncodeToString(sum[:])})
	}
	for i := range want {
		want[i].Name = "" // printed in a form of its own
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}

// decodeAll decodes every span alone.
func decodeAll(t *testing.T, layer span.Layer, blob []byte) [][]byte {
	t.Helper()
	out := make([][]byte, layer.Len())
	for i := range out {
		s := layer.Span(span.ID(i))
		v, err := span.Verify(s, blob[s.Start:s.End:s.End])
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 0, layer.DecodeBufferSize(s.ID))
		if out[i], err = layer.Decode(buf, v); err != nil {
			t.Fatal(err)
		}
		if int64(len(out[i])) != s.UncompressedSize() {
			t.Fatalf("span %d: got %d bytes, want %d", i, len(out[i]), s.UncompressedSize())
		}
	}
	return out
}

// readThrough cuts the data of e out of the spans it lies in.
func readThrough(t *testing.T, layer span.Layer, out [][]byte, e toc.Entry) []byte {
	t.Helper()
	end := e.Offset + span.UncompressedOffset(e.Size)
	var data []byte
	for id := layer.At(e.Offset); id <= layer.At(end-1); id++ {
		s := layer.Span(id)
		from, to := max(e.Offset, s.OutStart), min(end, s.OutEnd)
		data = append(data, out[id][from-s.OutStart:to-s.OutStart]...)
	}
	return data
}
