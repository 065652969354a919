// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Variant is an image with the same content that shares no blob and no chain id
// with this one, nor with its variants of other numbers: the time in the header of
// each gzip layer is n, and a layer with a file of that name lies below. Blobs are
// written to dir.
func (i Image) Variant(dir string, n int) (Image, error) {
	lowest, err := NewLayer(dir, func(tw *tar.Writer) error {
		var f File
		f.Name = fmt.Sprint("variant-", n)
		return Write(tw, f)
	})
	if err != nil {
		return Image{}, err
	}
	v := Image{Layers: []Layer{lowest}, Cmd: i.Cmd}
	for _, l := range i.Layers {
		if l, err = l.variant(dir, uint32(n)); err != nil {
			return Image{}, err
		}
		v.Layers = append(v.Layers, l)
	}
	return v, nil
}

// variant is the layer with another time in its gzip header (RFC 1952, 2.3).
func (l Layer) variant(dir string, time uint32) (Layer, error) {
	in, err := os.Open(l.Path)
	if err != nil {
		return Layer{}, err
	}
	defer func() { _ = in.Close() }()
	var head [8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 0x1f || head[1] != 0x8b {
		return Layer{}, errors.Join(err, fmt.Errorf("layer %s is not of gzip", l.Descriptor.Digest))
	}
	binary.LittleEndian.PutUint32(head[4:], time)
	f, err := os.CreateTemp(dir, "layer-")
	if err != nil {
		return Layer{}, err
	}
	defer func() { _ = f.Close() }()
	blob := &counter{w: f, h: sha256.New()}
	if _, err := blob.Write(head[:]); err != nil {
		return Layer{}, err
	}
	if _, err := io.Copy(blob, in); err != nil {
		return Layer{}, err
	}
	l.Descriptor.Digest = blob.digest()
	l.Path = filepath.Join(dir, l.Descriptor.Digest.Encoded())
	return l, os.Rename(f.Name(), l.Path)
}
