// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/ztoc"
)

// retyped is an archive of one file, the type of which is changed to t.
func retyped(tb testing.TB, t byte) []byte {
	tb.Helper()
	b := archive(tb, tar.FormatGNU, []member{{Header: tar.Header{Name: "odd"}}})
	b[156] = t
	return checksum(b)
}

// checksum corrects the checksum of the first header of b.
func checksum(b []byte) []byte {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func zlibbed(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func TestSkip(t *testing.T) {
	good := archive(t, tar.FormatPAX, textFiles(2, 3000))
	global := archive(t, tar.FormatPAX, []member{{Header: tar.Header{Name: "x", PAXRecords: map[string]string{"comment": "x"}}}})
	global[156] = 'g' // was x
	checksum(global)
	gz := func(b []byte) []byte { return compress(t, b, 6, 0) }
	endless := retyped(t, '0')
	copy(endless[124:136], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff")
	checksum(endless)
	damaged := bytes.Clone(good)
	damaged[512+300]++ // in the second header, that of a file
	tests := map[string]struct {
		blob []byte
		c    ztoc.Compression
		want []string
	}{
		"global PAX":          {gz(global), ztoc.Gzip, []string{"global PAX header"}},
		"global PAX, plain":   {global, ztoc.Uncompressed, []string{"global PAX header"}},
		"contiguous":          {gz(retyped(t, '7')), ztoc.Gzip, []string{`"odd"`, "contiguous"}},
		"volume label":        {gz(retyped(t, 'V')), ztoc.Gzip, []string{`"odd"`, "unknown type V"}},
		"trailing zeros":      {join(gz(good), make([]byte, 1<<20)), ztoc.Gzip, []string{"after the last gzip member", "zero"}},
		"trailing garbage":    {join(gz(good), []byte("garbage")), ztoc.Gzip, []string{"after the last gzip member"}},
		"zlib":                {zlibbed(t, good), ztoc.Gzip, []string{"zlib"}},
		"zstd":                {[]byte("\x28\xb5\x2f\xfd\x00\x00\x00"), ztoc.Gzip, []string{"zstd"}},
		"plain as gzip":       {good, ztoc.Gzip, []string{"not compressed with gzip"}},
		"gzip as plain":       {gz(good), ztoc.Uncompressed, []string{"not a plain tar but gzip"}},
		"zstd as plain":       {join([]byte("\x28\xb5\x2f\xfd"), good), ztoc.Uncompressed, []string{"zstd"}},
		"text":                {gz([]byte(strings.Repeat("text", 400))), ztoc.Gzip, []string{"tar header at the start"}},
		"cut in a file":       {gz(good[:4000]), ztoc.Gzip, []string{`after entry "src/a.txt"`}},
		"cut in a header":     {good[:700], ztoc.Uncompressed, []string{`after entry "src/"`}},
		"endless file":        {gz(endless), ztoc.Gzip, []string{`after entry "odd"`, "unexpected EOF"}},
		"damaged header":      {gz(damaged), ztoc.Gzip, []string{"tar header"}},
		"other compression":   {good, 9, []string{"compression(9)"}},
		"unfinished, no gzip": {[]byte{0x1f}, ztoc.Gzip, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := build.Layer(t.Context(), bytes.NewReader(test.blob), build.Options{Compression: test.c})
			if err == nil {
				t.Fatalf("got %d entries, want an error", len(res.Ztoc.Entries))
			}
			if test.want == nil {
				return
			}
			var skip *build.SkipError
			if !errors.As(err, &skip) || !errors.Is(err, build.ErrSkip) {
				t.Fatalf("got %v, want a SkipError", err)
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %q, which does not say %q", err, w)
				}
			}
		})
	}
}

// TestDamaged is about errors that are not a reason to skip.
func TestDamaged(t *testing.T) {
	plain := archive(t, tar.FormatPAX, textFiles(2, 30_000))
	blob := compress(t, plain, 6, 0)
	changed := func(at int) []byte {
		b := bytes.Clone(blob)
		b[at] ^= 0x55
		return b
	}
	broken := errors.New("line is dead")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		r    io.Reader
		c    ztoc.Compression
		want error
	}{
		"checksum":         {t.Context(), bytes.NewReader(changed(len(blob) - 8)), ztoc.Gzip, inflate.ErrCorrupt},
		"length":           {t.Context(), bytes.NewReader(changed(len(blob) - 1)), ztoc.Gzip, inflate.ErrCorrupt},
		"truncated":        {t.Context(), bytes.NewReader(blob[:len(blob)-20]), ztoc.Gzip, inflate.ErrTruncated},
		"nothing":          {t.Context(), bytes.NewReader(nil), ztoc.Gzip, inflate.ErrTruncated},
		"reader":           {t.Context(), breaking(blob[:3000], broken), ztoc.Gzip, broken},
		"cancelled":        {cancelled, bytes.NewReader(blob), ztoc.Gzip, context.Canceled},
		"plain, reader":    {t.Context(), breaking(plain[:3000], broken), ztoc.Uncompressed, broken},
		"plain, cancelled": {cancelled, bytes.NewReader(plain), ztoc.Uncompressed, context.Canceled},
		"plain, idle":      {t.Context(), idle{}, ztoc.Uncompressed, io.ErrNoProgress},
		"idle":             {t.Context(), idle{}, ztoc.Gzip, io.ErrNoProgress},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := build.Layer(test.ctx, test.r, build.Options{Compression: test.c})
			if !errors.Is(err, test.want) || errors.Is(err, build.ErrSkip) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// breaking reads b and then fails with err.
func breaking(b []byte, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(err))
}

// idle reads nothing, for ever.
type idle struct{}

// Read implements [io.Reader].
func (idle) Read([]byte) (int, error) { return 0, nil }

func TestOptions(t *testing.T) {
	blob := compress(t, archive(t, tar.FormatPAX, nil), 6, 0)
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	z := res.Ztoc
	if z.SpanSize != ztoc.DefaultSpanSize || z.BuildTool != ztoc.DefaultTool || z.Compression != ztoc.Gzip || z.Version != ztoc.Version {
		t.Errorf("got defaults %d, %q, %s, %q", z.SpanSize, z.BuildTool, z.Compression, z.Version)
	}
	res, err = build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: 77, Tool: "tool"})
	if err != nil {
		t.Fatal(err)
	}
	if z := res.Ztoc; z.SpanSize != 77 || z.BuildTool != "tool" {
		t.Errorf("got %d, %q, want 77 and tool", z.SpanSize, z.BuildTool)
	}
	for _, size := range []int64{-1, ztoc.MaxSpanSize + 1} {
		if _, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: size}); err == nil {
			t.Errorf("span size %d was accepted", size)
		}
	}
}
