// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spryd/spry/index/span"
)

// The file "spans":
//
//	offset  size  field
//	0       8     magic "sprysp02"; "sprysp01" of a version whose files had no
//	              stamps (see stamp.go)
//	8       40    boot id, as the kernel writes it, zero padded
//	48      32    layout: SHA-256 over the spans of the layer
//	80      n     one byte each span: 1 = written, 2 = being written
//
// A byte each span can be set by one write that no other write shares.
const (
	bitmapName  = "spans"
	bitmapMagic = "sprysp02"
	noStamps    = "sprysp01"
	bootIDSize  = 40
	headerSize  = len(bitmapMagic) + bootIDSize + sha256.Size
	written     = 1
	writing     = 2
)

// bitmap is the open file.
type bitmap struct{ file *os.File }

// layout is what a bitmap belongs to.
type layout struct {
	boot  string
	spans [sha256.Size]byte
	count int
}

// layoutOf fingerprints a layer's spans.
func layoutOf(layer span.Layer, boot string) layout {
	h := sha256.New()
	var b [4 * 8]byte
	for id := range span.ID(layer.Len()) {
		sp := layer.Span(id)
		for i, v := range [4]uint64{uint64(sp.Start), uint64(sp.End), uint64(sp.OutStart), uint64(sp.OutEnd)} {
			binary.LittleEndian.PutUint64(b[8*i:], v)
		}
		h.Write(b[:])
		h.Write(sp.Digest[:])
	}
	return layout{boot: boot, spans: [sha256.Size]byte(h.Sum(nil)), count: layer.Len()}
}

// header is the fixed part of the file.
func (l layout) header(stamps bool) []byte {
	b := make([]byte, headerSize)
	copy(b, noStamps)
	if stamps {
		copy(b, bitmapMagic)
	}
	copy(b[len(bitmapMagic):len(bitmapMagic)+bootIDSize], l.boot)
	copy(b[len(bitmapMagic)+bootIDSize:], l.spans[:])
	return b
}

// readBitmap is the recorded bytes, or nil if there are none for this layout,
// and whether files have stamps.
func readBitmap(root *os.Root, l layout) (marks []byte, stamps bool, err error) {
	b, err := root.ReadFile(bitmapName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	stamps = bytes.HasPrefix(b, []byte(bitmapMagic))
	rest, ok := bytes.CutPrefix(b, l.header(stamps))
	if !ok || len(rest) != l.count {
		return nil, stamps, nil
	}
	return rest, stamps, nil
}

// writeBitmap replaces the file in one step and opens it for marking.
func writeBitmap(root *os.Root, l layout, marks []byte, stamps bool) (*bitmap, error) {
	const tmp = bitmapName + ".tmp"
	f, err := root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(append(l.header(stamps), marks...)); err == nil {
		err = root.Rename(tmp, bitmapName)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &bitmap{file: f}, nil
}

// openBitmap opens a file that readBitmap accepted.
func openBitmap(root *os.Root) (*bitmap, error) {
	f, err := root.OpenFile(bitmapName, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &bitmap{file: f}, nil
}

// mark records a span as written or not.
func (b *bitmap) mark(id span.ID, value byte) error {
	if _, err := b.file.WriteAt([]byte{value}, int64(headerSize)+int64(id)); err != nil {
		return fmt.Errorf("mark span %d: %w", id, err)
	}
	return nil
}

func (b *bitmap) close() error { return b.file.Close() }
