// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// truth is an archive as the standard library reads it, pulling.
type truth struct {
	names   []string
	offsets []int64
	data    []string
	size    int64 // where the reader stopped
}

// counter counts what is read; it cannot seek.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// readTruth reads a tar stream.
func readTruth(stream []byte) (truth, error) {
	var t truth
	c := &counter{r: bytes.NewReader(stream)}
	r := tar.NewReader(c)
	for {
		h, err := r.Next()
		if err != nil {
			t.size = c.n
			if err == io.EOF {
				err = nil
			}
			return t, err
		}
		t.names = append(t.names, h.Name)
		t.offsets = append(t.offsets, c.n)
		data := ""
		if end := c.n + h.Size; h.Typeflag == tar.TypeReg && end >= c.n && end <= int64(len(stream)) {
			data = string(stream[c.n:end])
		}
		t.data = append(t.data, data)
	}
}

// gunzip is all members of b.
func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// stream is the tar stream of a blob.
func stream(tb testing.TB, blob []byte, c ztoc.Compression) []byte {
	tb.Helper()
	if c == ztoc.Uncompressed {
		return blob
	}
	b, err := gunzip(blob)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// table is the table of z with the data of its files, read through spans.
func table(tb testing.TB, z *ztoc.Ztoc, blob []byte) truth {
	tb.Helper()
	layer, err := z.Layer()
	if err != nil {
		tb.Fatal(err)
	}
	spans := &decoded{tb: tb, layer: layer, blob: blob, out: make([][]byte, layer.Len())}
	t := truth{size: z.UncompressedSize}
	for _, e := range z.Entries {
		t.names = append(t.names, e.Name)
		t.offsets = append(t.offsets, int64(e.Offset))
		data := ""
		if e.Type == toc.Regular && e.Size > 0 {
			data = spans.extract(e)
		}
		t.data = append(t.data, data)
	}
	return t
}

// decoded is the spans of a layer, each decoded alone when it is needed.
type decoded struct {
	tb    testing.TB
	layer span.Layer
	blob  []byte
	out   [][]byte
}

// span is the decoded span id.
func (d *decoded) span(id span.ID) []byte {
	d.tb.Helper()
	if d.out[id] == nil {
		s := d.layer.Span(id)
		v, err := span.Verify(s, d.blob[s.Start:s.End])
		if err != nil {
			d.tb.Fatal(err)
		}
		if d.out[id], err = d.layer.Decode(nil, v); err != nil {
			d.tb.Fatal(err)
		}
	}
	return d.out[id]
}

// extract is the data of e.
func (d *decoded) extract(e toc.Entry) string {
	d.tb.Helper()
	end := e.Offset + span.UncompressedOffset(e.Size)
	var data []byte
	for id := d.layer.At(e.Offset); id <= d.layer.At(end-1); id++ {
		s := d.layer.Span(id)
		data = append(data, d.span(id)[max(e.Offset, s.OutStart)-s.OutStart:min(end, s.OutEnd)-s.OutStart]...)
	}
	return string(data)
}
