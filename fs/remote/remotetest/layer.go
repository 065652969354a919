// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// File is one entry of a layer.
type File struct {
	Name   string // a trailing "/" makes a directory
	Body   string
	Type   byte   // a tar type flag; 0 = from the name and Link
	Link   string // makes a symbolic link unless Type says otherwise
	Mode   int64  // 0 = 0755 for directories, 0644 otherwise
	UID    int
	GID    int
	Time   time.Time         // zero = a fixed time
	Xattrs map[string]string // without the SCHILY prefix
	Major  int64
	Minor  int64
}

// Tar makes a tar stream of files in the given order.
func Tar(tb testing.TB, files ...File) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		if err := w.WriteHeader(f.header()); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, f.Body); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func (f File) header() *tar.Header {
	h := &tar.Header{
		Name: f.Name, Typeflag: f.Type, Linkname: f.Link, Size: int64(len(f.Body)),
		Mode: f.Mode, Uid: f.UID, Gid: f.GID, ModTime: f.Time,
		Devmajor: f.Major, Devminor: f.Minor, Format: tar.FormatPAX,
	}
	switch {
	case h.Typeflag != 0:
	case strings.HasSuffix(f.Name, "/"):
		h.Typeflag = tar.TypeDir
	case f.Link != "":
		h.Typeflag = tar.TypeSymlink
	default:
		h.Typeflag = tar.TypeReg
	}
	if h.Mode == 0 {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		}
	}
	if h.ModTime.IsZero() {
		h.ModTime = time.Unix(1700000000, 0).UTC()
	}
	for k, v := range f.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+k] = v
	}
	return h
}

// Gzip compresses b.
func Gzip(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// Zstd compresses b.
func Zstd(tb testing.TB, b []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(b, nil)
}

// inspect finds the layer media type of a blob and its tar stream.
func inspect(tb testing.TB, b []byte) (string, []byte) {
	tb.Helper()
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		// What cannot be read is pushed all the same: tests break layers.
		var out []byte
		if r, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, _ = io.ReadAll(r)
		}
		return ocispec.MediaTypeImageLayerGzip, out
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			tb.Fatal(err)
		}
		defer r.Close()
		out, _ := r.DecodeAll(b, nil)
		return ocispec.MediaTypeImageLayerZstd, out
	}
	return ocispec.MediaTypeImageLayer, b
}
