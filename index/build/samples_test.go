// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/index/ztoc"
)

// sample is a layer made here.
type sample struct {
	name        string
	compression ztoc.Compression
	spanSize    int64
	blob        []byte
}

// samples are layers of every kind of compression and content.
func samples(tb testing.TB) []sample {
	tb.Helper()
	text := archive(tb, tar.FormatPAX, textFiles(6, 17_000))
	special := archive(tb, tar.FormatPAX, specialFiles())
	gnu := archive(tb, tar.FormatGNU, gnuFiles())
	const k = 1 << 10
	return []sample{
		{"gzip-6", ztoc.Gzip, 32 * k, compress(tb, text, 6, 0)},
		{"gzip-1", ztoc.Gzip, 16 * k, compress(tb, text, 1, 0)},
		{"stored", ztoc.Gzip, 64 * k, compress(tb, text, 0, 0)},
		{"flushes", ztoc.Gzip, 20 * k, compress(tb, text, 6, 9_999)},
		{"flush-first", ztoc.Gzip, 50 * k, flushFirst(tb, text)},
		{"empty-first", ztoc.Gzip, 50 * k, join(compress(tb, nil, 6, 0), compress(tb, text, 9, 0))},
		{"members", ztoc.Gzip, 30 * k, members(tb, text, 7_000)},
		{"header-fields", ztoc.Gzip, 0, headerFields(tb, special)},
		{"special", ztoc.Gzip, 1, compress(tb, special, 9, 0)},
		{"padding", ztoc.Gzip, 1 * k, compress(tb, join(gnu, make([]byte, 9*k)), 6, 2*k)},
		{"plain", ztoc.Uncompressed, 10 * k, gnu},
		{"plain-even", ztoc.Uncompressed, 512, special[:len(special)/512*512]},
	}
}

// member is a file of an archive.
type member struct {
	tar.Header
	data string
}

// archive is a tar of files.
func archive(tb testing.TB, format tar.Format, files []member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := f.Header
		h.Format, h.Size = format, int64(len(f.data))
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(1_700_000_000, 0)
		}
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(f.data)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// words is text that compresses about as source code does, of n bytes, always
// the same for the same seed.
func words(seed uint64, n int) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	vocabulary := make([]string, 150)
	for i := range vocabulary {
		word := make([]byte, 2+rng.IntN(9))
		for j := range word {
			word[j] = byte('a' + rng.IntN(26))
		}
		vocabulary[i] = string(word)
	}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(vocabulary[min(rng.IntN(len(vocabulary)), rng.IntN(len(vocabulary)))])
		b.WriteByte(" \n"[rng.IntN(2)])
	}
	return b.String()[:n]
}

func textFiles(n, size int) []member {
	files := []member{{Header: tar.Header{Name: "src/", Typeflag: tar.TypeDir, Mode: 0o755}}}
	for i := range n {
		name := "src/" + string(rune('a'+i)) + ".txt"
		files = append(files, member{tar.Header{Name: name, Mode: 0o644, Uid: i, Gname: "src"}, words(uint64(i), size+i)})
	}
	return files
}

func specialFiles() []member {
	long := strings.Repeat("long/", 60)
	precise := time.Unix(1_600_000_000, 123_456_700)
	return []member{
		{Header: tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}},
		{Header: tar.Header{Name: "empty", Mode: 0o4711, Uid: 1 << 31, Gid: 77, ModTime: precise}},
		{Header: tar.Header{Name: long + "name", Mode: 0o600, ModTime: time.Unix(-7, 5e8)}, data: "long"},
		{Header: tar.Header{Name: "caps", Mode: 0o755, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\xff", "SCHILY.xattr.user.a": "b", "VENDOR.x": "y",
		}}, data: words(99, 1000)},
		{Header: tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "caps"}},
		{Header: tar.Header{Name: "soft", Typeflag: tar.TypeSymlink, Linkname: "../../" + long, Mode: 0o777}},
		{Header: tar.Header{Name: "tty", Typeflag: tar.TypeChar, Devmajor: 5, Devminor: 1}},
		{Header: tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Devmajor: 8}},
		{Header: tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}},
		{Header: tar.Header{Name: "d/.wh..wh..opq"}},
		{Header: tar.Header{Name: "d/.wh.gone"}},
		{Header: tar.Header{Name: "caps", Uname: "me"}, data: "twice"},
		{Header: tar.Header{Name: "ünïcode \\ odd\tname"}, data: words(7, 513)},
	}
}

func gnuFiles() []member {
	return []member{
		{Header: tar.Header{Name: strings.Repeat("d/", 70), Typeflag: tar.TypeDir, Mode: 0o1777}},
		{Header: tar.Header{Name: "a", Mode: 0o644, Uid: 1 << 33}, data: words(3, 20_000)},
		{Header: tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 200)}},
		{Header: tar.Header{Name: "b\xff\n"}, data: words(4, 512)},
	}
}

// compress is b as one gzip member, flushed every so many bytes if flush > 0.
func compress(tb testing.TB, b []byte, level, flush int) []byte {
	tb.Helper()
	return deflate(tb, b, level, flush, gzip.Header{OS: 255})
}

func deflate(tb testing.TB, b []byte, level, flush int, h gzip.Header) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		tb.Fatal(err)
	}
	w.Header = h
	for flush > 0 && len(b) > flush {
		if _, err := w.Write(b[:flush]); err != nil {
			tb.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			tb.Fatal(err)
		}
		b = b[flush:]
	}
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// headerFields is b compressed, with the optional fields of a gzip header.
func headerFields(tb testing.TB, b []byte) []byte {
	tb.Helper()
	return deflate(tb, b, 6, 0, gzip.Header{Name: "layer.tar", Comment: "none", Extra: []byte("extra"), OS: 3})
}

// flushFirst starts with two empty blocks.
func flushFirst(tb testing.TB, b []byte) []byte {
	tb.Helper()
	const emptyBlock = "\x00\x00\x00\xff\xff"
	z := compress(tb, b, 6, 0)
	return join(z[:10], []byte(emptyBlock+emptyBlock), z[10:])
}

// members is b as gzip members of size bytes each and of all levels.
func members(tb testing.TB, b []byte, size int) []byte {
	tb.Helper()
	var out []byte
	for i := 0; len(b) > 0; i++ {
		n := min(size, len(b))
		out = join(out, compress(tb, b[:n], i%10, 0))
		b = b[n:]
	}
	return out
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
