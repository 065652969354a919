// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"

	"github.com/spryd/spry/index/inflate"
)

// benchData are the inputs of the benchmarks.
func benchData() []plain {
	s := source()
	return []plain{{"text", s.text}, {"binary", s.binary}}
}

// discard is a Sink without effect.
type discard struct{}

func (discard) Block(inflate.Block, []byte) error { return nil }
func (discard) Output([]byte) error               { return nil }

// BenchmarkSpan decodes spans of 64 KiB and 2 MiB from a checkpoint.
func BenchmarkSpan(b *testing.B) {
	for _, p := range benchData() {
		blob := gzipped(p.data, 6, gzip.Header{})
		rec := &recorder{t: b}
		if _, err := inflate.Walk(bytes.NewReader(blob), rec); err != nil {
			b.Fatal(err)
		}
		blk := rec.blocks[len(rec.blocks)/4]
		for _, size := range []struct {
			name  string
			bytes int
		}{{"64K", 64 << 10}, {"2M", 2 << 20}} {
			b.Run(p.name+"/"+size.name, func(b *testing.B) {
				b.SetBytes(int64(size.bytes))
				b.ReportAllocs()
				buf := make([]byte, inflate.BufferSize(size.bytes))
				for b.Loop() {
					if _, err := inflate.DecodeAt(buf, inflate.PadInput(blob), blk.BitPos, blk.window, size.bytes); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkWalk reads a gzip stream from a reader, checksum included.
func BenchmarkWalk(b *testing.B) {
	for _, p := range benchData() {
		blob := gzipped(p.data, 6, gzip.Header{})
		run := func(name string, walk func() error) {
			b.Run(p.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(p.data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := walk(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		var w inflate.Walker
		run("spry", func() error {
			_, err := w.Walk(bytes.NewReader(blob), discard{})
			return err
		})
		var kr kgzip.Reader
		run("klauspost", func() error {
			if err := kr.Reset(bytes.NewReader(blob)); err != nil {
				return err
			}
			_, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{&kr})
			return err
		})
		var sr gzip.Reader
		run("std", func() error {
			if err := sr.Reset(bytes.NewReader(blob)); err != nil {
				return err
			}
			_, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{&sr})
			return err
		})
	}
}
