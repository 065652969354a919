// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// odd is a layer that encoders other than the usual ones make.
type odd struct {
	name string
	blob []byte
	skip string // part of the reason why it has no index, or ""
}

// odds are such layers of one archive.
func odds(t *testing.T) []odd {
	t.Helper()
	archive := remotetest.Tar(t,
		remotetest.File{Name: "a", Body: imagetest.Body(1, 400_000)},
		remotetest.File{Name: "b", Body: strings.Repeat("abc", 200_000)},
	)
	third := len(archive) / 3
	one := deflated(t, archive, 6, 0)
	empty := deflated(t, nil, 6, 0)
	all := []odd{
		{"members", bytes.Join([][]byte{deflated(t, archive[:third], 9, 0), empty, deflated(t, archive[third:], 1, 0), empty}, nil), ""},
		{"stored", deflated(t, archive, 0, 0), ""},
		{"one block", oneBlock(archive), ""},
		{"flushes", deflated(t, archive, 6, 1000), ""},
		{"flush first", flushFirst(t, archive), ""},
		{"empty member first", append(bytes.Clone(empty), one...), ""},
		{"padded archive", deflated(t, append(bytes.Clone(archive), make([]byte, 900_000)...), 6, 50_000), ""},
		{"no end marker", deflated(t, archive[:len(archive)-1024], 6, 0), ""},
		{"no files", deflated(t, make([]byte, 1024), 6, 0), ""},
		{"nothing", empty, ""},
		{"trailing zeros", append(bytes.Clone(one), make([]byte, 512)...), "data after the last gzip member"},
		{"trailing garbage", append(bytes.Clone(one), "garbage"...), "data after the last gzip member"},
		{"truncated", one[:len(one)/2], "truncated"},
		{"no bytes", nil, "truncated"},
		{"no gzip", archive, "not compressed with gzip"},
	}
	if pigz, err := exec.LookPath("pigz"); err == nil {
		for _, args := range [][]string{{"-c"}, {"-c", "-i", "-b", "128"}, {"-c", "-11", "-I", "1"}} {
			cmd := exec.CommandContext(t.Context(), pigz, args...)
			cmd.Stdin = bytes.NewReader(archive)
			b, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, odd{"pigz " + strings.Join(args, " "), b, ""})
		}
	}
	return all
}

// TestOddStreams converts an image of odd layers: each is indexed in both
// forms so that other implementations read it too, or skipped by name.
func TestOddStreams(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	all := odds(t)
	var ls []imagetest.Layer
	for _, o := range all {
		ls = append(ls, imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: o.blob})
	}
	imagetest.New(t, dir+"/in").Image("x", imagetest.Linux("amd64", ls...))
	o := r.options()
	o.CompactSpanSize = 20_000
	rep := r.mustConvert("oci:"+dir+"/in:x", "oci:"+dir+"/out:x", o)
	out := r.open("oci:" + dir + "/out:x")
	for i, o := range all {
		t.Run(o.name, func(t *testing.T) {
			l := rep.Platforms[0].Layers[i]
			switch {
			case o.skip != "" && !strings.Contains(l.Skipped, o.skip):
				t.Errorf("skipped because %q, want %q", l.Skipped, o.skip)
			case o.skip == "" && (l.Ztoc == "" || l.Compact == ""):
				t.Errorf("ztoc %q, compact %q, skipped: %s", l.Ztoc, l.Compact, l.Skipped)
			case o.skip == "":
				checkOdd(t, out, l, o.blob)
			}
		})
	}
}

// checkOdd reads a layer by both of its indexes.
func checkOdd(t *testing.T, img place.Image, l job.LayerReport, blob []byte) {
	t.Helper()
	read := func(d digest.Digest) []byte {
		b, err := place.ReadAll(t.Context(), img, ocispec.Descriptor{Digest: d}, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	z, err := ztoc.Decode(read(l.Ztoc))
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Verify(t.Context(), bytes.NewReader(blob), &build.Result{Ztoc: z, TarSize: int64(len(inflated(t, blob)))}); err != nil {
		t.Error(err)
	}
	for i := 1; i < len(z.Checkpoints); i++ {
		if z.Checkpoints[i].Out <= z.Checkpoints[i-1].Out {
			t.Errorf("span %d is empty, which others refuse", i-1)
		}
	}
	c, err := compact.Decode(read(l.Compact))
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for i := range c.Len() {
		s := c.Span(span.ID(i))
		data, err := span.Verify(s, blob[s.Start:s.End])
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Decode(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p...)
	}
	if want := inflated(t, blob)[:z.UncompressedSize]; !bytes.Equal(got, want) {
		t.Errorf("compact form reads %d bytes, want %d", len(got), len(want))
	}
}

func inflated(t *testing.T, blob []byte) []byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// deflated is b as a gzip member, flushed every so many bytes unless that is 0.
func deflated(t *testing.T, b []byte, level, flush int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	for err == nil && len(b) > 0 {
		n := len(b)
		if flush > 0 {
			n = min(n, flush)
		}
		if _, err = w.Write(b[:n]); err == nil && flush > 0 {
			err = w.Flush()
		}
		b = b[n:]
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// flushFirst is b as a gzip member that begins with empty blocks.
func flushFirst(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for range 2 {
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// oneBlock is b as a gzip member of one block of literals (RFC 1951, 3.2.6).
func oneBlock(b []byte) []byte {
	out := []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
	acc, n := uint32(3), uint(3) // final, fixed
	code := func(v uint32, size uint) {
		acc |= bits.Reverse32(v) >> (32 - size) << n
		for n += size; n >= 8; n -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	for _, c := range b {
		if c < 144 {
			code(0x30+uint32(c), 8)
		} else {
			code(0x190+uint32(c)-144, 9)
		}
	}
	code(0, 7)
	code(0, 8) // padding; what is left over is not written
	if n == 0 {
		out = out[:len(out)-1]
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
	return binary.LittleEndian.AppendUint32(out, uint32(len(b)))
}

// TestWithoutCompact wants no compact index where none is asked for.
func TestWithoutCompact(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	imagetest.New(t, dir+"/in").Image("x", imagetest.Linux("amd64", layers(t, "one")...))
	rep := r.mustConvert("oci:"+dir+"/in:x", "oci:"+dir+"/out:x", r.options())
	if l := rep.Platforms[0].Layers[0]; l.Compact != "" || l.NoCompact != "" || l.Ztoc == "" {
		t.Errorf("got %+v", l)
	}
}
