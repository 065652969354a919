// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/spryd/spry/index/inflate"
)

// raws are the streams of every encoder and kind of data.
var raws = sync.OnceValue(func() (all []stream) {
	for _, e := range encoders() {
		for _, p := range plains() {
			all = append(all, stream{e.name + "/" + p.name, e.encode(p.data), p.data})
		}
	}
	return all
})

// eachStream runs f for every encoder and kind of data.
func eachStream(t *testing.T, f func(t *testing.T, raw, want []byte)) {
	for _, s := range raws() {
		t.Run(s.name, func(t *testing.T) { f(t, s.blob, s.want) })
	}
}

func TestDecodeRaw(t *testing.T) {
	eachStream(t, func(t *testing.T, raw, want []byte) {
		got, n, err := inflate.DecodeRaw(raw, nil, len(want)+1, inflate.AtOnce())
		if err != nil {
			t.Fatal(err)
		}
		if n != len(raw) {
			t.Errorf("consumed %d bytes of %d", n, len(raw))
		}
		if !bytes.Equal(got, want) {
			t.Error("output differs")
		}
	})
}

func TestDecodeRawInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pieces := map[string]inflate.Pieces{
		"input one byte":  {In: func() int { return 1 }, Out: func() int { return 1 << 20 }},
		"output one byte": {In: func() int { return 1 << 20 }, Out: func() int { return 1 }},
		"small":           {In: func() int { return 1 + rng.IntN(100) }, Out: func() int { return 1 + rng.IntN(100) }},
		"large":           {In: func() int { return 1 + rng.IntN(20000) }, Out: func() int { return 1 + rng.IntN(70000) }},
	}
	eachStream(t, func(t *testing.T, raw, want []byte) {
		raw, want = shorten(t, raw, want)
		for name, p := range pieces {
			got, n, err := inflate.DecodeRaw(raw, nil, len(want)+1, p)
			if err != nil && !errors.Is(err, inflate.ErrTruncated) {
				t.Fatalf("%s: %v after %d bytes", name, err, n)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: output differs", name)
			}
		}
	})
}

// shorten cuts a stream, and what it decodes to, to a size at which single
// bytes are quick enough.
func shorten(t *testing.T, raw, want []byte) (shortRaw, shortWant []byte) {
	t.Helper()
	if len(raw) <= 20_000 {
		return raw, want
	}
	raw = raw[:20_000]
	got, _, err := inflate.DecodeRaw(raw, nil, len(want), inflate.AtOnce())
	if !errors.Is(err, inflate.ErrTruncated) || !bytes.HasPrefix(want, got) {
		t.Fatalf("stream cut short: %v, %d bytes", err, len(got))
	}
	return raw, got
}

func TestDecodeAtLengths(t *testing.T) {
	want := plains()[7].data
	raw := encoders()[8].encode(want)
	rng := rand.New(rand.NewPCG(5, 6))
	buf := make([]byte, inflate.BufferSize(len(want)))
	for range 300 {
		n := rng.IntN(len(want) + 1)
		got, err := inflate.DecodeAt(buf, inflate.PadInput(raw), 0, nil, n)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !bytes.Equal(got, want[:n]) {
			t.Fatalf("%d bytes: output differs", n)
		}
		if len(got) > 0 && &got[0] != &buf[0] {
			t.Fatal("buffer not used")
		}
	}
}

func TestDecodeAtErrors(t *testing.T) {
	text := plains()[2].data
	raw := encoders()[8].encode(text)
	tests := map[string]struct {
		in     []byte
		bit    int64
		window []byte
		n      int
		want   error
	}{
		"nothing wanted":        {in: nil, n: 0, want: nil},
		"all":                   {in: raw, n: len(text), want: nil},
		"empty input":           {in: nil, n: 1, want: inflate.ErrTruncated},
		"end of stream":         {in: raw, n: len(text) + 1, want: inflate.ErrTruncated},
		"more than possible":    {in: raw, n: 1 << 40, want: inflate.ErrTruncated},
		"position after input":  {in: raw, bit: int64(len(raw))*8 + 1, want: inflate.ErrTruncated},
		"negative position":     {in: raw, bit: -1, want: inflate.ErrTruncated},
		"half":                  {in: raw[:len(raw)/2], n: len(text), want: inflate.ErrTruncated},
		"reserved block type":   {in: []byte{7}, n: 1, want: inflate.ErrCorrupt},
		"stored length":         {in: []byte{1, 1, 0, 1, 0, 'x'}, n: 1, want: inflate.ErrCorrupt},
		"garbage after trailer": {in: append(bytes.Clone(raw), "12345678garbage garbage"...), n: len(text) + 1, want: inflate.ErrCorrupt},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := inflate.DecodeAt(nil, inflate.PadInput(tt.in), tt.bit, tt.window, tt.n)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && !bytes.Equal(got, text[:tt.n]) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDecodeAtArguments(t *testing.T) {
	if _, err := inflate.DecodeAt(nil, inflate.Input{}, 0, nil, -1); err == nil {
		t.Error("negative length accepted")
	}
	if _, err := inflate.DecodeAt(nil, inflate.Input{}, 0, make([]byte, inflate.WindowSize+1), 0); err == nil {
		t.Error("long window accepted")
	}
}

// TestWindowReach checks references to the first byte of a window and to the
// one before it.
func TestWindowReach(t *testing.T) {
	// A fixed block: match of 3 bytes at distance 4, then literals and the end.
	match := fixedMatch(4)
	for _, tt := range []struct {
		window string
		want   string
		err    error
	}{
		{"", "", inflate.ErrCorrupt},
		{"abc", "", inflate.ErrCorrupt},
		{"abcd", "abc", nil},
		{"xabcd", "abc", nil},
	} {
		got, err := inflate.DecodeAt(nil, inflate.PadInput(match), 0, []byte(tt.window), 3)
		if !errors.Is(err, tt.err) || string(got) != tt.want {
			t.Errorf("window %q: %q, %v; want %q, %v", tt.window, got, err, tt.want, tt.err)
		}
		// With much input behind it, the fast loop meets it.
		long := append(bytes.Clone(match), make([]byte, 100)...)
		got, err = inflate.DecodeAt(nil, inflate.PadInput(long), 0, []byte(tt.window), 3)
		if !errors.Is(err, tt.err) || string(got) != tt.want {
			t.Errorf("window %q, long input: %q, %v; want %q, %v", tt.window, got, err, tt.want, tt.err)
		}
	}
}

// fixedMatch is a final fixed block with one match of 3 bytes at distance
// code dist-1 (1 to 4).
func fixedMatch(dist int) []byte {
	var w bitWriter
	w.bits(1, 1)              // final
	w.bits(1, 2)              // fixed
	w.code(1, 7)              // symbol 257: length 3
	w.code(uint32(dist-1), 5) // distance
	w.code(0, 7)              // end of block
	return w.finish()
}
