// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// Layer writes the tar stream of a layer. The first error sticks and panics
// in Bytes: it is for tests that write constant layers.
type Layer struct {
	buf bytes.Buffer
	w   *tar.Writer
	err error
}

// NewLayer starts a layer.
func NewLayer() *Layer {
	l := &Layer{}
	l.w = tar.NewWriter(&l.buf)
	return l
}

// Add writes one entry. Mode 0 means 0644, 0755 for directories; the time
// defaults to one with nanoseconds; the size is that of data.
func (l *Layer) Add(h tar.Header, data string) *Layer {
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
	}
	switch {
	case h.Mode != 0:
	case h.Typeflag == tar.TypeDir:
		h.Mode = 0o755
	default:
		h.Mode = 0o644
	}
	if h.ModTime.IsZero() {
		h.ModTime = time.Unix(1500000000, 123456789)
	}
	h.Format = tar.FormatPAX
	h.Size = int64(len(data))
	if l.err == nil {
		l.err = l.w.WriteHeader(&h)
	}
	if l.err == nil {
		_, l.err = l.w.Write([]byte(data))
	}
	return l
}

// File adds a regular file.
func (l *Layer) File(name, data string) *Layer { return l.Add(tar.Header{Name: name}, data) }

// Dir adds a directory.
func (l *Layer) Dir(name string) *Layer {
	return l.Add(tar.Header{Name: name, Typeflag: tar.TypeDir}, "")
}

// Symlink adds a symlink.
func (l *Layer) Symlink(name, target string) *Layer {
	return l.Add(tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Mode: 0o777}, "")
}

// Link adds a hard link to an earlier entry.
func (l *Layer) Link(name, target string) *Layer {
	return l.Add(tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeLink}, "")
}

// Xattrs adds a regular file with extended attributes.
func (l *Layer) Xattrs(name string, xattrs map[string]string) *Layer {
	return l.Add(tar.Header{Name: name, PAXRecords: records(xattrs)}, name)
}

func records(xattrs map[string]string) map[string]string {
	out := make(map[string]string)
	for k, v := range xattrs {
		out["SCHILY.xattr."+k] = v
	}
	return out
}

// Bytes ends the layer and returns the tar stream.
func (l *Layer) Bytes() []byte {
	if l.err == nil {
		l.err = l.w.Close()
	}
	if l.err != nil {
		panic(fmt.Sprintf("treetest: write layer: %v", l.err))
	}
	return l.buf.Bytes()
}

// Noise returns n bytes that do not repeat, the same for the same seed.
func Noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		v := r.Uint64()
		for k := range 8 {
			b[i+k] = byte(v >> (8 * k))
		}
	}
	return string(b[:n])
}
