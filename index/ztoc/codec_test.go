// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

func TestCodecRoundTrip(t *testing.T) {
	v1 := sample()
	v1.BlobVersion, v1.Checkpoints[0] = 1, ztoc.Checkpoint{In: 10}
	one := sample()
	one.BlobVersion, one.MaxSpanID, one.SpanDigests = 1, 0, digests(1)
	one.Checkpoints = []ztoc.Checkpoint{{In: 10}}
	empty := samplePlain()
	empty.CompressedSize, empty.UncompressedSize, empty.MaxSpanID = 0, 0, -1
	empty.SpanDigests, empty.Entries = nil, nil
	tests := map[string]*ztoc.Ztoc{
		"gzip": sample(), "plain": samplePlain(), "gzip v1": v1, "gzip v1, one span": one, "empty": empty,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			b := encode(t, want)
			got := decode(t, b)
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("ztoc (-want +got):\n%s", d)
			}
			if again := encode(t, got); string(again) != string(b) {
				t.Error("encoding again gave other bytes")
			}
			if n := want.EncodedSize(); n < int64(len(b)) || n > int64(len(b))+8<<10 {
				t.Errorf("encoded size %d, got %d bytes", n, len(b))
			}
		})
	}
}

func TestDecodeAliasesWindows(t *testing.T) {
	b := encode(t, sample())
	z := decode(t, b)
	at := -1
	for i := range b {
		if &b[i] == &z.Checkpoints[1].Window[0] {
			at = i
		}
	}
	if at < 0 {
		t.Error("the window of checkpoint 1 was copied")
	}
}

func TestDecodeKeepsZone(t *testing.T) {
	z := decode(t, encode(t, sample()))
	if _, offset := entry(z, 1).ModTime.Zone(); offset != -5*3600 {
		t.Errorf("got zone offset %d, want %d", offset, -5*3600)
	}
}

func TestNilWindowIsZero(t *testing.T) {
	z, zero := sample(), sample()
	z.Checkpoints[1].Window = nil
	clear(zero.Checkpoints[1].Window)
	if string(encode(t, z)) != string(encode(t, zero)) {
		t.Error("a nil window and one of zeros give different bytes")
	}
}

func TestEncodeUnsayableTime(t *testing.T) {
	z := sample()
	entry(z, 0).ModTime = time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := entry(decode(t, encode(t, z)), 0).ModTime; !got.IsZero() {
		t.Errorf("got %v, want no time", got)
	}
}

func TestEncodeRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(z *ztoc.Ztoc)
		want   error
	}{
		"compression":     {func(z *ztoc.Ztoc) { z.Compression = 9 }, ztoc.ErrUnsupported},
		"no compression":  {func(z *ztoc.Ztoc) { z.Compression = 0 }, ztoc.ErrUnsupported},
		"no type":         {func(z *ztoc.Ztoc) { entry(z, 0).Type = 0 }, ztoc.ErrInvalid},
		"unknown type":    {func(z *ztoc.Ztoc) { entry(z, 0).Type = toc.FIFO + 1 }, ztoc.ErrInvalid},
		"short window":    {func(z *ztoc.Ztoc) { z.Checkpoints[1].Window = make([]byte, 7) }, ztoc.ErrInvalid},
		"blob version":    {func(z *ztoc.Ztoc) { z.BlobVersion = 3 }, ztoc.ErrInvalid},
		"no checkpoints":  {func(z *ztoc.Ztoc) { z.Checkpoints = nil }, ztoc.ErrInvalid},
		"v1, long header": {func(z *ztoc.Ztoc) { z.BlobVersion, z.Checkpoints[0].In = 1, 26 }, ztoc.ErrInvalid},
		"too large":       {func(z *ztoc.Ztoc) { z.Checkpoints = make([]ztoc.Checkpoint, 65536) }, ztoc.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			z := sample()
			test.change(z)
			if _, err := z.Encode(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := map[string]func(z *ztoc.Ztoc){
		"negative size":         func(z *ztoc.Ztoc) { z.CompressedSize = -1 },
		"negative archive":      func(z *ztoc.Ztoc) { z.UncompressedSize = -1 },
		"size of a whole world": func(z *ztoc.Ztoc) { z.UncompressedSize = 1 << 60 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			z := sample()
			change(z)
			if _, err := ztoc.Decode(encode(t, z)); !errors.Is(err, ztoc.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

// TestDecodeDamaged changes and cuts a ztoc everywhere: whatever Decode says, it
// says it without a panic, and what is cut in the middle is refused.
func TestDecodeDamaged(t *testing.T) {
	z := sample()
	z.Checkpoints, z.MaxSpanID, z.SpanDigests = z.Checkpoints[:1], 0, digests(1)
	good := encode(t, z)
	for n := 0; n < len(good)-8; n += 1 + n/64 {
		if _, err := ztoc.Decode(good[:n:n]); !errors.Is(err, ztoc.ErrInvalid) {
			t.Errorf("first %d of %d bytes: got %v, want ErrInvalid", n, len(good), err)
		}
	}
	bad := make([]byte, len(good))
	for i := range good {
		if i > 2048 && i < len(good)-2048 {
			continue // window
		}
		for _, x := range []byte{1, 0x80, 0xff} {
			copy(bad, good)
			bad[i] ^= x
			z, err := ztoc.Decode(bad)
			if err != nil {
				continue
			}
			_ = z.CheckLazy()
			_, _ = z.Layer()
		}
	}
}
