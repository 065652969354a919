// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package buildtest makes layers whose indexes can lie about where the stream
// goes, while every span decodes to as many bytes as it should, with the window
// that it should have, and every tar header is right.
package buildtest

import (
	"archive/tar"
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// Lie is a layer with an index that is right and one that is not.
type Lie struct {
	Name          string
	Blob          []byte
	Honest, False *ztoc.Ztoc
}

// Lies are layers with two files, of several false indexes.
func Lies(tb testing.TB) []Lie {
	tb.Helper()
	return []Lie{detour(tb), late(tb), early(tb)}
}

// fileSize is that of both files, in bytes.
const fileSize = 20 << 10

// detour has its last checkpoint inside a stored block: in the data of the
// second file lies a stream with other data for it.
func detour(tb testing.TB) Lie {
	tb.Helper()
	data := noise(2)[:fileSize-1024]
	start := concat(entry(tb, "a", noise(1)), entry(tb, "b", data)[:tarHeader])
	end := make([]byte, 1024)
	trap := stream{}.deflated(tb, bytes.Repeat([]byte("lie!"), len(data)/4), end).raw
	copy(data, trap)
	s := stream{}.deflated(tb, start)
	at := len(s.raw) + 5 // header of a stored block
	s = s.stored(data).deflated(tb, end)
	l := honest(tb, "detour", s.member(), int64(len(start))-1)
	c := &l.False.Checkpoints[1]
	c.In, c.Bits = span.CompressedOffset(headerSize+at), 0
	return seal(tb, l)
}

// late has a span 0 behind the first file.
func late(tb testing.TB) Lie {
	tb.Helper()
	first := stream{}.deflated(tb, entry(tb, "a", noise(1)))
	rest := []([]byte){entry(tb, "b", noise(2)), make([]byte, 1024)}
	l := honest(tb, "late", first.deflated(tb, rest...).member(), fileSize/2)
	l.False = index(tb, stream{}.deflated(tb, rest...).member(), fileSize/2)
	l.False.CompressedSize = int64(len(l.Blob))
	for i := range l.False.Checkpoints {
		l.False.Checkpoints[i].In += span.CompressedOffset(len(first.raw))
	}
	return seal(tb, l)
}

// early ends with the first of two members, which decode to the same size, and
// has no end marker in any.
func early(tb testing.TB) Lie {
	tb.Helper()
	a := stream{}.deflated(tb, entry(tb, "a", noise(1)))
	b := stream{}.deflated(tb, entry(tb, "b", noise(2)))
	l := honest(tb, "early", concat(a.member(), b.member()), 1<<20)
	l.False.UncompressedSize = int64(len(a.plain))
	l.False.Entries = l.False.Entries[:1]
	return seal(tb, l)
}

// honest is a layer whose false index is not false yet.
func honest(tb testing.TB, name string, blob []byte, spanSize int64) Lie {
	tb.Helper()
	return Lie{name, blob, index(tb, blob, spanSize), index(tb, blob, spanSize)}
}

func index(tb testing.TB, blob []byte, spanSize int64) *ztoc.Ztoc {
	tb.Helper()
	res, err := build.Layer(tb.Context(), bytes.NewReader(blob), build.Options{SpanSize: spanSize})
	if err != nil {
		tb.Fatal(err)
	}
	return res.Ztoc
}

// seal makes the span digests of the false index right.
func seal(tb testing.TB, l Lie) Lie {
	tb.Helper()
	spans, err := l.False.Layer()
	if err != nil {
		tb.Fatal(err)
	}
	for i := range l.False.SpanDigests {
		s := spans.Span(span.ID(i))
		l.False.SpanDigests[i] = digest.FromBytes(l.Blob[s.Start:s.End])
	}
	if slices.EqualFunc(l.False.Entries, l.Honest.Entries, func(a, b toc.Entry) bool { return a.Name == b.Name }) &&
		l.False.Checkpoints[1].In == l.Honest.Checkpoints[1].In {
		tb.Fatalf("%s: not false", l.Name)
	}
	return l
}

// tarHeader is the size of a tar header.
const tarHeader = 512

// entry is a file in a tar, without an end marker.
func entry(tb testing.TB, name string, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: strings.Repeat("d/", 3) + name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(h); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// noise is the data of a file.
func noise(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, fileSize)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func concat(parts ...[]byte) []byte { return slices.Concat(parts...) }
