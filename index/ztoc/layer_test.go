// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

func TestLayerSpans(t *testing.T) {
	const k = 1 << 10
	tests := map[string]struct {
		z    *ztoc.Ztoc
		want []span.Span
	}{
		"gzip": {sample(), []span.Span{
			{ID: 0, Start: 10, End: 1000, OutStart: 0, OutEnd: 70 * k},
			{ID: 1, Start: 999, End: 3000, OutStart: 70 * k, OutEnd: 150 * k},
			{ID: 2, Start: 3000, End: 5000, OutStart: 150 * k, OutEnd: 200 * k},
		}},
		"plain": {samplePlain(), []span.Span{
			{ID: 0, Start: 0, End: 80 * k, OutStart: 0, OutEnd: 80 * k},
			{ID: 1, Start: 80 * k, End: 160 * k, OutStart: 80 * k, OutEnd: 160 * k},
			{ID: 2, Start: 160 * k, End: 200 * k, OutStart: 160 * k, OutEnd: 195 * k},
		}},
		"plain, last span behind the archive": {
			with(samplePlain(), func(z *ztoc.Ztoc) { z.UncompressedSize = 100 * k }), []span.Span{
				{ID: 0, Start: 0, End: 80 * k, OutStart: 0, OutEnd: 80 * k},
				{ID: 1, Start: 80 * k, End: 160 * k, OutStart: 80 * k, OutEnd: 160 * k},
				{ID: 2, Start: 160 * k, End: 200 * k, OutStart: 160 * k, OutEnd: 160 * k},
			}},
		"gzip, last span behind the archive": {
			with(sample(), func(z *ztoc.Ztoc) { z.UncompressedSize = 100 * k }), []span.Span{
				{ID: 0, Start: 10, End: 1000, OutStart: 0, OutEnd: 70 * k},
				{ID: 1, Start: 999, End: 3000, OutStart: 70 * k, OutEnd: 150 * k},
				{ID: 2, Start: 3000, End: 5000, OutStart: 150 * k, OutEnd: 150 * k},
			}},
		"gzip, two checkpoints at 0": {
			with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[1].Out = 0 }), []span.Span{
				{ID: 0, Start: 10, End: 1000, OutStart: 0, OutEnd: 0},
				{ID: 1, Start: 999, End: 3000, OutStart: 0, OutEnd: 150 * k},
				{ID: 2, Start: 3000, End: 5000, OutStart: 150 * k, OutEnd: 200 * k},
			}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := test.z.Layer()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, ranges(l)); d != "" {
				t.Errorf("spans (-want +got):\n%s", d)
			}
			if l.CompressedSize() != test.z.CompressedSize {
				t.Errorf("got size %d, want %d", l.CompressedSize(), test.z.CompressedSize)
			}
		})
	}
}

func with(z *ztoc.Ztoc, change func(z *ztoc.Ztoc)) *ztoc.Ztoc {
	change(z)
	return z
}

func TestLayerAt(t *testing.T) {
	twoAtZero := with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[1].Out = 0 })
	tests := []struct {
		name string
		z    *ztoc.Ztoc
		off  span.UncompressedOffset
		want span.ID
	}{
		{"before", sample(), -1, 0},
		{"first", sample(), 0, 0},
		{"end of first", sample(), 70<<10 - 1, 0},
		{"start of second", sample(), 70 << 10, 1},
		{"last", sample(), 150 << 10, 2},
		{"past the end", sample(), 1 << 40, 2},
		{"plain, second", samplePlain(), 80 << 10, 1},
		{"plain, past the end", samplePlain(), 1 << 40, 2},
		{"empty first span", twoAtZero, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, err := test.z.Layer()
			if err != nil {
				t.Fatal(err)
			}
			if got := l.At(test.off); got != test.want {
				t.Errorf("got span %d, want %d", got, test.want)
			}
		})
	}
}

func TestLayerRefuses(t *testing.T) {
	tests := map[string]struct {
		z    *ztoc.Ztoc
		want error
	}{
		"compression":        {with(sample(), func(z *ztoc.Ztoc) { z.Compression = 0 }), ztoc.ErrUnsupported},
		"max span id":        {with(sample(), func(z *ztoc.Ztoc) { z.MaxSpanID = 3 }), ztoc.ErrInvalid},
		"digests missing":    {with(sample(), func(z *ztoc.Ztoc) { z.SpanDigests = digests(2) }), ztoc.ErrInvalid},
		"digest algorithm":   {with(sample(), func(z *ztoc.Ztoc) { z.SpanDigests[1] = "sha512:00" }), ztoc.ErrInvalid},
		"digest text":        {with(sample(), func(z *ztoc.Ztoc) { z.SpanDigests[1] = "sha256:" + "zz" + z.SpanDigests[1][9:] }), ztoc.ErrInvalid},
		"digest length":      {with(sample(), func(z *ztoc.Ztoc) { z.SpanDigests[1] = z.SpanDigests[1][:70] }), ztoc.ErrInvalid},
		"bits":               {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[1].Bits = 8 }), ztoc.ErrInvalid},
		"start not at 0":     {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[0].Out = 1 }), ztoc.ErrInvalid},
		"in 0 with bits":     {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[0].In, z.Checkpoints[0].Bits = 0, 1 }), ztoc.ErrInvalid},
		"negative in":        {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[1].In = -1 }), ztoc.ErrInvalid},
		"negative out":       {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[1].Out = -1 }), ztoc.ErrInvalid},
		"in goes back":       {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[2].In = 900 }), ztoc.ErrInvalid},
		"out goes back":      {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[2].Out = 60 << 10 }), ztoc.ErrInvalid},
		"empty in between":   {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[2].Out = 70 << 10 }), ztoc.ErrInvalid},
		"behind the blob":    {with(sample(), func(z *ztoc.Ztoc) { z.CompressedSize = 3000 }), ztoc.ErrInvalid},
		"impossible ratio":   {with(sample(), func(z *ztoc.Ztoc) { z.UncompressedSize = 3 << 20 }), ztoc.ErrInvalid},
		"overflow":           {with(sample(), func(z *ztoc.Ztoc) { z.Checkpoints[2].Out = 1<<63 - 1 }), ztoc.ErrUnsupported},
		"size overflow":      {with(sample(), func(z *ztoc.Ztoc) { z.UncompressedSize = 1<<63 - 1 }), ztoc.ErrInvalid},
		"giant span":         {with(sample(), func(z *ztoc.Ztoc) { z.CompressedSize, z.UncompressedSize = 1<<40, 1<<40 }), ztoc.ErrUnsupported},
		"v1, long header":    {with(sample(), func(z *ztoc.Ztoc) { z.BlobVersion, z.Checkpoints[0].In = 1, 26 }), ztoc.ErrInvalid},
		"plain, span size 0": {with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanSize = 0 }), ztoc.ErrUnsupported},
		"plain, span size":   {with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanSize = -5 }), ztoc.ErrUnsupported},
		"plain, giant span":  {with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanSize, z.CompressedSize = 1<<40, 1<<40 }), ztoc.ErrUnsupported},
		"plain, count":       {with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanSize = 1 }), ztoc.ErrInvalid},
		"plain, archive":     {with(samplePlain(), func(z *ztoc.Ztoc) { z.UncompressedSize = 201 << 10 }), ztoc.ErrInvalid},
		"plain, digest":      {with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanDigests[2] = "" }), ztoc.ErrInvalid},
		"plain, nothing": {with(samplePlain(), func(z *ztoc.Ztoc) {
			z.CompressedSize, z.UncompressedSize, z.MaxSpanID, z.SpanDigests = 0, 0, -1, nil
		}), ztoc.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := test.z.Layer(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestDecodePlain decodes a span with and without room, and by the wrong layer.
func TestDecodePlain(t *testing.T) {
	data := []byte(strings.Repeat("abcd", 20<<10))
	z := with(samplePlain(), func(z *ztoc.Ztoc) { z.SpanDigests[0] = digest.FromBytes(data) })
	l, err := z.Layer()
	if err != nil {
		t.Fatal(err)
	}
	v, err := span.Verify(l.Span(0), data)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, l.DecodeBufferSize(0))
	for name, buf := range map[string][]byte{"room": buf, "no room": nil} {
		out, err := l.Decode(buf, v)
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != string(data) || &out[0] == &data[0] {
			t.Errorf("%s: got other bytes, or the compressed ones", name)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = l.Decode(buf, v) }); n > 0 {
		t.Errorf("got %v allocations, want none", n)
	}
	other, err := samplePlain().Layer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Decode(nil, v); err == nil {
		t.Error("a layer decoded the span of another")
	}
}
