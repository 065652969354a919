// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	kgzip "github.com/klauspost/compress/gzip"

	"github.com/spryd/spry/index/inflate"
)

// stream is a named gzip stream of one or more members.
type stream struct {
	name string
	blob []byte
	want []byte
}

// streams are gzip streams of all shapes; the larger ones need the walker's
// buffer twice.
var streams = sync.OnceValue(func() []stream {
	s := source()
	text, binary := s.text[:1_300_000], s.binary[:1_300_000]
	full := gzip.Header{Name: "layer.tar", Comment: "caf\u00e9", Extra: bytes.Repeat([]byte{0, 1}, 3000), ModTime: time.Unix(1, 0), OS: 3}
	var many, manyWant []byte
	for i := range 300 {
		p := text[i*900 : i*900+(i*37)%900]
		many = append(many, gzipped(p, i%11-2, gzip.Header{})...)
		manyWant = append(manyWant, p...)
	}
	empty := gzipped(nil, 6, gzip.Header{})
	return []stream{
		{"one member", gzipped(text, 6, gzip.Header{}), text},
		{"binary", gzipped(binary, 9, gzip.Header{}), binary},
		{"stored", gzipped(binary, 0, gzip.Header{}), binary},
		{"zeros", gzipped(make([]byte, 4_000_000), 1, gzip.Header{}), make([]byte, 4_000_000)},
		{"all header fields", gzipped(text[:5000], 6, full), text[:5000]},
		{"header crc", withHeaderCRC(gzipped(text[:5000], 6, full)), text[:5000]},
		{"empty member", empty, nil},
		{"empty members around", bytes.Join([][]byte{empty, gzipped(text, 1, full), empty, empty}, nil), text},
		{"300 members", many, manyWant},
		{"two large members", append(gzipped(binary, 6, full), gzipped(text, 6, full)...), append(bytes.Clone(binary), text...)},
		{"flushed", flushed(text), text},
		{"klauspost", klauspost(binary), binary},
	}
})

// withHeaderCRC adds the checksum of the header, which no Go encoder writes.
func withHeaderCRC(blob []byte) []byte {
	n := headerLength(blob)
	h := bytes.Clone(blob[:n])
	h[3] |= 2
	sum := crc(h)
	return bytes.Join([][]byte{h, {byte(sum), byte(sum >> 8)}, blob[n:]}, nil)
}

// flushed is a stream with many flushes, one of them before any data.
func flushed(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	check(w.Flush())
	for i := 0; i < len(p); i += 30_000 {
		_, err := w.Write(p[i:min(len(p), i+30_000)])
		check(err)
		check(w.Flush())
		check(w.Flush())
	}
	check(w.Close())
	return b.Bytes()
}

func klauspost(p []byte) []byte {
	var b bytes.Buffer
	w, err := kgzip.NewWriterLevel(&b, 3)
	check(err)
	_, err = w.Write(p)
	check(err)
	check(w.Close())
	return b.Bytes()
}

func TestWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	readers := map[string]func(r io.Reader) io.Reader{
		"whole":    func(r io.Reader) io.Reader { return r },
		"data+EOF": iotest.DataErrReader,
		"half":     iotest.HalfReader,
		"random":   func(r io.Reader) io.Reader { return randomReader{r, rng} },
	}
	var w inflate.Walker // used again and again
	for _, s := range streams() {
		for name, reader := range readers {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				rec := &recorder{t: t}
				n, err := w.Walk(reader(bytes.NewReader(s.blob)), rec)
				if err != nil {
					t.Fatal(err)
				}
				if n != int64(len(s.blob)) {
					t.Errorf("%d compressed bytes, want %d", n, len(s.blob))
				}
				if !bytes.Equal(rec.out, s.want) {
					t.Errorf("%d bytes of output, want %d, or they differ", len(rec.out), len(s.want))
				}
			})
		}
	}
}

// TestWalkOneByte reads byte by byte.
func TestWalkOneByte(t *testing.T) {
	for _, s := range streams() {
		if len(s.blob) > 60_000 {
			continue
		}
		rec := &recorder{t: t}
		if _, err := inflate.Walk(iotest.OneByteReader(bytes.NewReader(s.blob)), rec); err != nil || !bytes.Equal(rec.out, s.want) {
			t.Errorf("%s: %v, %d bytes", s.name, err, len(rec.out))
		}
	}
}

// randomReader gives a random number of bytes, sometimes none.
type randomReader struct {
	r   io.Reader
	rng *rand.Rand
}

func (r randomReader) Read(p []byte) (int, error) {
	return r.r.Read(p[:r.rng.IntN(min(len(p), 10_000)+1)])
}

// TestResume decodes from every block to the next blocks and to the end.
func TestResume(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			rec := &recorder{t: t}
			if _, err := inflate.Walk(bytes.NewReader(s.blob), rec); err != nil {
				t.Fatal(err)
			}
			var buf []byte
			for i, b := range rec.blocks {
				last := min(len(rec.blocks)-1, i+1+rng.IntN(4))
				end, blobEnd := int64(len(s.want)), int64(len(s.blob))
				if last > i {
					// The bytes a reader has of a span: up to the next
					// boundary.
					end, blobEnd = rec.blocks[last].Out, (rec.blocks[last].BitPos+7)/8
				}
				start := b.BitPos / 8
				in := inflate.PadInput(s.blob[start:blobEnd:blobEnd])
				got, err := inflate.DecodeAt(buf, in, b.BitPos-start*8, b.window, int(end-b.Out))
				if err != nil {
					t.Fatalf("block %d at bit %d, to block %d: %v", i, b.BitPos, last, err)
				}
				if !bytes.Equal(got, s.want[b.Out:end]) {
					t.Fatalf("block %d at bit %d, to block %d: output differs", i, b.BitPos, last)
				}
				if n := inflate.BufferSize(len(got)); n > cap(buf) {
					buf = make([]byte, n)
				}
			}
		})
	}
}

// TestResumeToEnd decodes from some blocks of each stream to its very end.
func TestResumeToEnd(t *testing.T) {
	for _, s := range streams() {
		rec := &recorder{t: t}
		if _, err := inflate.Walk(bytes.NewReader(s.blob), rec); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(rec.blocks); i += 1 + len(rec.blocks)/5 {
			b := rec.blocks[i]
			got, err := inflate.DecodeAt(nil, inflate.PadInput(s.blob), b.BitPos, b.window, len(s.want)-int(b.Out))
			if err != nil || !bytes.Equal(got, s.want[b.Out:]) {
				t.Errorf("%s: block %d: %v, %d bytes", s.name, i, err, len(got))
			}
		}
	}
}

// TestBlocks compares the candidates with what is known of the encoder.
func TestBlocks(t *testing.T) {
	rec := &recorder{t: t}
	hello := gzipped([]byte("hello"), 0, gzip.Header{Name: "x"}) // header of 12 bytes, a stored block, a final empty one
	if _, err := inflate.Walk(bytes.NewReader(append(hello, hello...)), rec); err != nil {
		t.Fatal(err)
	}
	second := int64(len(hello)) * 8
	want := []inflate.Block{
		{BitPos: 12 * 8, Out: 0},
		{BitPos: 12*8 + 5*8 + 5*8, Out: 5},
		{BitPos: second + 12*8, Out: 5},
		{BitPos: second + 12*8 + 5*8 + 5*8, Out: 10},
	}
	for i, b := range rec.blocks {
		if i >= len(want) || b.Block != want[i] {
			t.Errorf("block %d: %+v", i, b.Block)
		}
	}
	if len(rec.blocks) != len(want) {
		t.Errorf("%d blocks, want %d", len(rec.blocks), len(want))
	}
	if got := string(rec.blocks[2].window); got != "hello" {
		t.Errorf("window of the second member %q, want that of the first", got)
	}
}

func TestWalkErrors(t *testing.T) {
	good := gzipped([]byte(strings.Repeat("hello ", 1000)), 6, gzip.Header{})
	with := func(i int, b byte) []byte {
		c := bytes.Clone(good)
		if i < 0 {
			i += len(c)
		}
		c[i] ^= b
		return c
	}
	broken := errors.New("broken pipe")
	tests := map[string]struct {
		r    io.Reader
		want error
	}{
		"empty":            {strings.NewReader(""), inflate.ErrTruncated},
		"part of a header": {bytes.NewReader(good[:5]), inflate.ErrTruncated},
		"header only":      {bytes.NewReader(good[:10]), inflate.ErrTruncated},
		"no trailer":       {bytes.NewReader(good[:len(good)-8]), inflate.ErrTruncated},
		"part of trailer":  {bytes.NewReader(good[:len(good)-1]), inflate.ErrTruncated},
		"second header":    {bytes.NewReader(append(bytes.Clone(good), good[:4]...)), inflate.ErrTruncated},
		"plain text":       {strings.NewReader("hello, world"), inflate.ErrNotGzip},
		"zlib":             {strings.NewReader("\x78\x9c\x03\x00\x00\x00\x00\x01"), inflate.ErrNotGzip},
		"crc":              {bytes.NewReader(with(-8, 1)), inflate.ErrCorrupt},
		"size":             {bytes.NewReader(with(-1, 1)), inflate.ErrCorrupt},
		"data":             {bytes.NewReader(with(20, 0xff)), inflate.ErrCorrupt},
		"header crc":       {bytes.NewReader(withHeaderCRC(with(9, 0x55))[:len(good)]), inflate.ErrTruncated},
		"bad header crc":   {bytes.NewReader(flip(withHeaderCRC(good), 11)), inflate.ErrCorrupt},
		"long name":        {bytes.NewReader(append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00"), bytes.Repeat([]byte("n"), 600)...)), inflate.ErrCorrupt},
		"reader":           {io.MultiReader(bytes.NewReader(good[:30]), iotest.ErrReader(broken)), broken},
		"reader at end":    {io.MultiReader(bytes.NewReader(good), iotest.ErrReader(broken)), broken},
		"cut by reader":    {io.MultiReader(bytes.NewReader(good), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"idle reader":      {io.MultiReader(bytes.NewReader(good), idle{}), io.ErrNoProgress},
		"padding":          {bytes.NewReader(append(bytes.Clone(good), make([]byte, 1_000_000)...)), inflate.ErrTrailing},
		"garbage":          {bytes.NewReader(append(bytes.Clone(good), "\x1f\x8cgarbage"...)), inflate.ErrTrailing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if n, err := inflate.Walk(tt.r, discard{}); !errors.Is(err, tt.want) {
				t.Errorf("error %v after %d bytes, want %v", err, n, tt.want)
			}
		})
	}
}

// idle is a reader that never has anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func flip(b []byte, i int) []byte {
	b[i] ^= 0x10
	return b
}

func TestTrailing(t *testing.T) {
	good := gzipped([]byte("hello"), 6, gzip.Header{})
	for _, tt := range []struct {
		tail string
		zero bool
	}{
		{"\x00", true},
		{strings.Repeat("\x00", 700_000), true},
		{strings.Repeat("\x00", 700_000) + "x", false},
		{"x", false},
		{"\x00" + string(good), false},
	} {
		n, err := inflate.Walk(strings.NewReader(string(good)+tt.tail), discard{})
		var trailing *inflate.TrailingError
		if !errors.As(err, &trailing) {
			t.Fatalf("%d bytes of tail: error %v after %d bytes", len(tt.tail), err, n)
		}
		if trailing.Zero != tt.zero || trailing.Offset != int64(len(good)) {
			t.Errorf("%d bytes of tail: %v", len(tt.tail), trailing)
		}
	}
}

// TestSinkErrors wants the sink's errors back, io.EOF among them.
func TestSinkErrors(t *testing.T) {
	blob := gzipped(source().text[:1_000_000], 6, gzip.Header{})
	for _, want := range []error{io.EOF, errors.New("full")} {
		for calls := range 6 {
			s := &failing{after: calls, err: want}
			if _, err := inflate.Walk(bytes.NewReader(blob), s); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
			if s.after != -1 {
				t.Errorf("sink called %d times after its error", -1-s.after)
			}
		}
	}
}

// failing is a Sink that fails in the call after some.
type failing struct {
	after int
	err   error
}

func (f *failing) call() error {
	if f.after--; f.after < 0 {
		return f.err
	}
	return nil
}

func (f *failing) Block(inflate.Block, []byte) error { return f.call() }
func (f *failing) Output([]byte) error               { return f.call() }

// TestMemberHistory wants a reference to an earlier member rejected.
func TestMemberHistory(t *testing.T) {
	first := gzipped([]byte("abcdabcd"), 6, gzip.Header{})
	header := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
	blob := append(append(first, header...), fixedMatch(4)...)
	if _, err := inflate.Walk(bytes.NewReader(blob), discard{}); !errors.Is(err, inflate.ErrCorrupt) {
		t.Errorf("walk: %v", err)
	}
	if _, err := inflate.DecodeAt(nil, inflate.PadInput(blob), 80, nil, 11); !errors.Is(err, inflate.ErrCorrupt) {
		t.Errorf("decode: %v", err)
	}
}

// TestWalkMemory wants a walk to allocate the same for any stream.
func TestWalkMemory(t *testing.T) {
	var w inflate.Walker
	large := gzipped(make([]byte, 10_000_000), 1, gzip.Header{})
	r := bytes.NewReader(nil)
	walk := func(blob []byte) func() {
		return func() {
			r.Reset(blob)
			if _, err := w.Walk(r, discard{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := testing.AllocsPerRun(2, walk(large)); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
