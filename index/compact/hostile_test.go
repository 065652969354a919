// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

var update = flag.Bool("update", false, "write the golden file")

// known says whether err is one that hostile bytes may give.
func known(err error) bool {
	return errors.Is(err, compact.ErrInvalid) || errors.Is(err, compact.ErrUnsupported) ||
		errors.Is(err, compact.ErrVersion) || errors.Is(err, span.ErrDamaged)
}

// sealed sets both checksums of b as a liar would.
func sealed(b []byte) []byte {
	b = bytes.Clone(b)
	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	n := int(le.Uint32(b[68:]))
	header := 80 + 16*n
	if n > 16 || header > len(b) {
		return b
	}
	windows := len(b) - int(le.Uint64(b[header-16:]))
	if windows >= header && windows <= len(b) {
		le.PutUint32(b[72:], crc32.Checksum(b[header:windows], table))
	}
	le.PutUint32(b[76:], 0)
	le.PutUint32(b[76:], crc32.Checksum(b[:header], table))
	return b
}

// handmade is a source whose windows are made up: nothing can be decoded.
func handmade(t testing.TB) compact.Source {
	t.Helper()
	tree, err := toc.NewTree([]toc.Entry{
		{Name: "bin/", Type: toc.Directory, Mode: 0o755},
		{Name: "bin/sh", Type: toc.Regular, Mode: 0o755, Offset: 1024, Size: 150_000},
		{Name: "bin/bash", Type: toc.Hardlink, Linkname: "bin/sh", Mode: 0o755},
		{Name: "etc/motd", Type: toc.Symlink, Linkname: "../run/motd", PAX: []toc.Record{{Key: "SCHILY.xattr.security.x", Value: "y"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mask := &inflate.Mask{}
	mask.Add(0, 3)
	mask.Add(64, 128)
	mask.Add(32767, 32768)
	return compact.Source{
		LayerDigest: digest.FromString("layer"), CompressedSize: 100_000, UncompressedSize: 153_600, Tree: tree,
		Spans: []compact.SpanSource{
			{Start: 10, End: 50_001, Digest: span.Digest{1}},
			{Start: 50_000, End: 100_000, Bits: 3, OutStart: 70_000, Digest: span.Digest{2}, Mask: mask,
				Window: bytes.Repeat([]byte("window"), 12)[:68]},
		},
	}
}

func encoded(t testing.TB, s compact.Source) []byte {
	t.Helper()
	b, err := compact.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGoldenFile holds the format in place: the file was written once.
func TestGoldenFile(t *testing.T) {
	path := filepath.Join("testdata", "golden.cix")
	b := encoded(t, handmade(t))
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := compact.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if l.LayerDigest() != digest.FromString("layer") || l.Len() != 2 || l.Span(1).Start != 50_000 || l.Span(0).End != 50_001 {
		t.Errorf("layer %s, spans %+v %+v", l.LayerDigest(), l.Span(0), l.Span(1))
	}
	if id, ok := l.Tree().Lookup(toc.RootID, "bin"); !ok || l.Tree().Children(id) != 2 {
		t.Errorf("directory bin: found %t, %d names", ok, l.Tree().Children(id))
	}
	before := make([]byte, inflate.WindowSize)
	window := bytes.Repeat([]byte("window"), 12)
	copy(before, window[:3])
	copy(before[64:], window[3:67])
	before[32767] = window[67]
	if ok, err := l.CheckWindow(1, before); !ok || err != nil {
		t.Errorf("window differs, error %v", err)
	}
	if !bytes.Equal(b, want) {
		t.Log("the encoder's zstd writes other bytes than that of the golden file")
	}
}

func TestDamaged(t *testing.T) {
	good := encoded(t, handmade(t))
	for n := range good {
		if _, err := compact.Decode(good[:n]); !known(err) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := compact.Decode(append(bytes.Clone(good), 0)); !known(err) {
		t.Errorf("one byte more: %v", err)
	}
	for i := range good {
		for _, x := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(good)
			b[i] ^= x
			if _, err := compact.Decode(b); err != nil && !known(err) {
				t.Errorf("byte %d changed: %v", i, err)
			}
			l, err := compact.Decode(sealed(b))
			if err != nil {
				if !known(err) {
					t.Errorf("byte %d changed and sealed: %v", i, err)
				}
				continue
			}
			if _, err := l.CheckWindow(1, nil); err != nil && !known(err) {
				t.Errorf("byte %d changed: window: %v", i, err)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	b := encoded(t, handmade(t))
	b[8]++
	if _, err := compact.Decode(b); !errors.Is(err, compact.ErrVersion) {
		t.Errorf("unknown version: %v", err)
	}
	b[0]++
	if _, err := compact.Decode(b); !errors.Is(err, compact.ErrInvalid) || errors.Is(err, compact.ErrVersion) {
		t.Errorf("unknown magic: %v", err)
	}
}

// TestSourceLies encodes what no layer is.
func TestSourceLies(t *testing.T) {
	for name, change := range map[string]func(*compact.Source){
		"no spans":           func(s *compact.Source) { s.Spans = nil },
		"no digest":          func(s *compact.Source) { s.LayerDigest = "" },
		"half digest":        func(s *compact.Source) { s.LayerDigest = s.LayerDigest[:30] },
		"files behind end":   func(s *compact.Source) { s.UncompressedSize = 151_000 },
		"spans out of order": func(s *compact.Source) { slices.Reverse(s.Spans) },
		"negative output":    func(s *compact.Source) { s.Spans[1].OutStart = -5 },
		"first not at 0":     func(s *compact.Source) { s.Spans[0].OutStart = 1 },
		"blob too short":     func(s *compact.Source) { s.CompressedSize = 40_000 },
		"gap":                func(s *compact.Source) { s.Spans[0].End-- },
		"bits":               func(s *compact.Source) { s.Spans[1].Bits = 8 },
		"negative":           func(s *compact.Source) { s.Spans[0].Start = -1 },
		"huge":               func(s *compact.Source) { s.CompressedSize = 1 << 60 },
		"too much output": func(s *compact.Source) {
			s.Spans[1].OutStart = 120
			s.Spans[1].Start, s.Spans[0].End = 11, 12
			s.CompressedSize = 20
			s.Spans[1].End = 20
		},
		"mask and window": func(s *compact.Source) { s.Spans[1].Window = s.Spans[1].Window[1:] },
		"window too long": func(s *compact.Source) { s.Spans[1].Mask, s.Spans[1].Window = nil, make([]byte, 32769) },
		"not plain":       func(s *compact.Source) { s.Plain = true },
	} {
		s := handmade(t)
		change(&s)
		if _, err := compact.Encode(s); !known(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnknownWindowByte takes a byte from a mask: the span must fail, not decode
// to something else.
func TestUnknownWindowByte(t *testing.T) {
	blob := sample(t)
	full, _ := sourceOf(t, blob, 16<<10, ztoc.Gzip)
	small := reduce(t, full, blob)
	tried := 0
	for i := range small.Spans {
		sp := &small.Spans[i]
		if sp.Mask.Len() == 0 {
			continue
		}
		first := 0
		for !sp.Mask.Has(first) {
			first++
		}
		mask := *sp.Mask
		mask[first/64] &^= 1 << (first % 64)
		sp.Mask, sp.Window = &mask, sp.Window[1:]
		tried++
	}
	if tried == 0 {
		t.Fatal("no span refers to its window")
	}
	l, err := compact.Decode(encoded(t, small))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for id := range span.ID(l.Len()) {
		if _, err := decode(t, l, id, blob); errors.Is(err, inflate.ErrCorrupt) {
			failed++
		} else if err != nil {
			t.Errorf("span %d: %v", id, err)
		}
	}
	if failed != tried {
		t.Errorf("%d spans failed of %d that lack a byte", failed, tried)
	}
}

// TestDamagedMapping changes the mapped form: the tables are noticed when it is
// opened, the windows when they are used.
func TestDamagedMapping(t *testing.T) {
	blob := sample(t)
	s, _ := sourceOf(t, blob, 64<<10, ztoc.Gzip)
	var buf bytes.Buffer
	if err := compact.Map(&buf, s); err != nil {
		t.Fatal(err)
	}
	good := buf.Bytes()
	tables, err := compact.Inspect(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(0); i < tables; i += 1 + tables/500 {
		b := bytes.Clone(good)
		b[i] ^= 4
		if _, err := compact.Inspect(bytes.NewReader(b), int64(len(b))); !known(err) {
			t.Errorf("byte %d of the tables changed: %v", i, err)
		}
	}
	for _, n := range []int64{0, 50, 100, tables, int64(len(good)) - 1} {
		if _, err := compact.Inspect(bytes.NewReader(good[:n]), n); !known(err) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
		if n < tables {
			if _, err := compact.Open(good[:n], bytes.NewReader(good)); !known(err) {
				t.Errorf("opened %d bytes: %v", n, err)
			}
		}
	}
	b := bytes.Clone(good)
	b[len(b)-1] ^= 4
	l, err := compact.Open(bytes.Clone(b[:tables]), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(t, l, span.ID(l.Len()-1), blob); !errors.Is(err, compact.ErrInvalid) {
		t.Errorf("decoded with a damaged window: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, handmade(f)))
	plain := handmade(f)
	plain.Plain, plain.CompressedSize = true, plain.UncompressedSize
	plain.Spans = []compact.SpanSource{{End: 153_600}}
	f.Add(encoded(f, plain))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 80 {
			b = sealed(b)
		}
		l, err := compact.Decode(b)
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		for id := range span.ID(min(l.Len(), 20)) {
			if _, err := l.CheckWindow(id, nil); err != nil && !known(err) {
				t.Fatal(err)
			}
			if got := l.At(l.Span(id).OutStart); got < id {
				t.Fatalf("span %d starts in span %d", id, got)
			}
		}
	})
}
