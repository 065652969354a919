// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"go/build"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"github.com/spryd/spry/index/inflate"
)

// plain is a named piece of test data.
type plain struct {
	name string
	data []byte
}

// source is up to 8 MiB each of Go source text and of the running binary:
// text and machine code, as layers have them.
var source = sync.OnceValue(func() (s struct{ text, binary []byte }) {
	const size = 8 << 20
	files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", "*", "*.go"))
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("no Go source: %v", err))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			panic(err)
		}
		if s.text = append(s.text, b...); len(s.text) > size {
			break
		}
	}
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	if s.binary, err = os.ReadFile(exe); err != nil {
		panic(err)
	}
	s.binary = s.binary[:min(size, len(s.binary))]
	return s
})

// plains are pieces of different kinds.
var plains = sync.OnceValue(func() []plain {
	s := source()
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var mixed []byte
	for i := range 40 {
		mixed = append(mixed, s.text[i*5000:i*5000+rng.IntN(9000)]...)
		mixed = append(mixed, noise[:rng.IntN(3000)]...)
		mixed = append(mixed, bytes.Repeat([]byte{byte(i)}, rng.IntN(4000))...)
		mixed = append(mixed, bytes.Repeat([]byte("abcdefghijklm")[:1+i%13], rng.IntN(200))...)
	}
	return []plain{
		{"empty", nil},
		{"byte", []byte("x")},
		{"short", []byte("hello hello hello hello\n")},
		{"zeros", make([]byte, 150_000)},
		{"noise", noise},
		{"text", s.text[:150_000]},
		{"binary", s.binary[:150_000]},
		{"mixed", mixed},
	}
})

// encoder makes a raw DEFLATE stream.
type encoder struct {
	name   string
	encode func(p []byte) []byte
}

// flateWriter is what both flate packages offer.
type flateWriter interface {
	io.WriteCloser
	Flush() error
}

// encodeWith writes p, flushing after every flush bytes unless that is 0.
func encodeWith(p []byte, flush int, open func(w io.Writer) (flateWriter, error)) []byte {
	var b bytes.Buffer
	w, err := open(&b)
	for err == nil && len(p) > 0 {
		n := len(p)
		if flush > 0 {
			n = min(n, flush)
		}
		if _, err = w.Write(p[:n]); err == nil && flush > 0 {
			err = w.Flush()
		}
		p = p[n:]
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// encoders are all levels of two encoders: stored, fixed, dynamic and
// Huffman-only blocks, with and without flushes.
var encoders = sync.OnceValue(func() []encoder {
	var all []encoder
	add := func(name string, flush int, open func(w io.Writer) (flateWriter, error)) {
		all = append(all, encoder{name, func(p []byte) []byte { return encodeWith(p, flush, open) }})
	}
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		add(fmt.Sprintf("std%d", level), 0, func(w io.Writer) (flateWriter, error) { return flate.NewWriter(w, level) })
	}
	for _, level := range []int{kflate.HuffmanOnly, 1, 3, 5, 9} {
		add(fmt.Sprintf("klauspost%d", level), 0, func(w io.Writer) (flateWriter, error) { return kflate.NewWriter(w, level) })
	}
	add("klauspost-stateless", 20_000, func(w io.Writer) (flateWriter, error) {
		return stateless{kflate.NewStatelessWriter(w)}, nil
	})
	add("flush", 10_000, func(w io.Writer) (flateWriter, error) { return flate.NewWriter(w, 6) })
	add("flush-short", 100, func(w io.Writer) (flateWriter, error) { return flate.NewWriter(w, 1) })
	return all
})

// stateless lacks Flush: each write is flushed.
type stateless struct{ io.WriteCloser }

func (stateless) Flush() error { return nil }

// gzipped makes one gzip member.
func gzipped(p []byte, level int, h gzip.Header) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err == nil {
		w.Header = h
		_, err = w.Write(p)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// found is a block as a sink saw it.
type found struct {
	inflate.Block
	window []byte
}

// recorder is a Sink that checks the order of calls and keeps everything.
type recorder struct {
	t      testing.TB
	out    []byte
	blocks []found
}

func (r *recorder) Block(b inflate.Block, window []byte) error {
	if b.Out != int64(len(r.out)) {
		r.t.Errorf("block at bit %d has output offset %d after %d bytes", b.BitPos, b.Out, len(r.out))
	}
	if want := r.out[max(0, len(r.out)-inflate.WindowSize):]; !bytes.Equal(window, want) {
		r.t.Errorf("block at bit %d: window of %d bytes is not the output before it", b.BitPos, len(window))
	}
	if n := len(r.blocks); n > 0 && b.BitPos <= r.blocks[n-1].BitPos {
		r.t.Errorf("block at bit %d reported after one at bit %d", b.BitPos, r.blocks[n-1].BitPos)
	}
	r.blocks = append(r.blocks, found{b, bytes.Clone(window)})
	return nil
}

func (r *recorder) Output(p []byte) error {
	if len(p) == 0 {
		r.t.Error("empty output")
	}
	r.out = append(r.out, p...)
	return nil
}
