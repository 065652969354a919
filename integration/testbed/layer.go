// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is a compressed layer in a file.
type Layer struct {
	Descriptor ocispec.Descriptor
	DiffID     digest.Digest
	// Path is the file with the blob.
	Path string
}

// NewLayer makes a gzip layer below dir from what write puts into the tar.
func NewLayer(dir string, write func(*tar.Writer) error) (Layer, error) {
	f, err := os.CreateTemp(dir, "layer-")
	if err != nil {
		return Layer{}, err
	}
	defer func() { _ = f.Close() }()
	blob := &counter{w: f, h: sha256.New()}
	zw := gzip.NewWriter(blob)
	diff := &counter{w: zw, h: sha256.New()}
	tw := tar.NewWriter(diff)
	if err := errors.Join(write(tw), tw.Close(), zw.Close()); err != nil {
		return Layer{}, err
	}
	l := Layer{DiffID: diff.digest(), Descriptor: ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageLayerGzip, Digest: blob.digest(), Size: blob.n,
	}}
	l.Path = filepath.Join(dir, l.Descriptor.Digest.Encoded())
	return l, os.Rename(f.Name(), l.Path)
}

// File is one tar entry with its content, for NewLayer.
type File struct {
	tar.Header
	Content []byte
}

// Write puts files into a tar, in order. Regular files get their size from
// the content, and a mode of 0644 (directories 0755) where none is given.
func Write(tw *tar.Writer, files ...File) error {
	for _, f := range files {
		h := f.Header
		h.Size = int64(len(f.Content))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
			if h.Typeflag == tar.TypeDir {
				h.Mode = 0o755
			}
		}
		if err := tw.WriteHeader(&h); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
		if _, err := tw.Write(f.Content); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
	return nil
}

// counter counts and hashes what passes to w.
type counter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.h.Write(p[:n])
	c.n += int64(n)
	return n, err
}

func (c *counter) digest() digest.Digest { return digest.NewDigest(digest.SHA256, c.h) }
