// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"encoding/binary"
	"fmt"

	"github.com/spryd/spry/index/span"
)

// Layout of the checkpoint blob of a gzip layer, see the package comment.
const (
	gzipBlobHeader = 4 + 8
	recordHeader   = 8 + 8 + 1
	recordSize     = recordHeader + WindowSize
)

// decodeGzipBlob sets the fields of z that are in b. The windows alias b.
func (z *Ztoc) decodeGzipBlob(b []byte) error {
	if len(b) < gzipBlobHeader {
		return fmt.Errorf("checkpoint blob: %d bytes: %w", len(b), ErrInvalid)
	}
	n := int64(int32(binary.LittleEndian.Uint32(b)))
	z.SpanSize = int64(binary.LittleEndian.Uint64(b[4:]))
	records := b[gzipBlobHeader:]
	switch stored := int64(len(records)); {
	case n > 0 && stored == n*recordSize:
		z.BlobVersion = 2
	case n > 0 && stored == (n-1)*recordSize:
		z.BlobVersion = 1
	default:
		return fmt.Errorf("checkpoint blob: %d spans in %d bytes: %w", n, len(b), ErrInvalid)
	}
	z.Checkpoints = make([]Checkpoint, 0, n)
	if z.BlobVersion == 1 {
		z.Checkpoints = append(z.Checkpoints, Checkpoint{In: v1HeaderSize})
	}
	for ; len(records) > 0; records = records[recordSize:] {
		z.Checkpoints = append(z.Checkpoints, decodeRecord(records[:recordSize:recordSize]))
	}
	return nil
}

func decodeRecord(r []byte) Checkpoint {
	return Checkpoint{
		In:     span.CompressedOffset(binary.LittleEndian.Uint64(r)),
		Out:    span.UncompressedOffset(binary.LittleEndian.Uint64(r[8:])),
		Bits:   r[16],
		Window: r[recordHeader:],
	}
}

// stored are the checkpoints that the blob has records of.
func (z *Ztoc) stored() []Checkpoint {
	if z.BlobVersion == 1 && len(z.Checkpoints) > 0 {
		return z.Checkpoints[1:]
	}
	return z.Checkpoints
}

// gzipBlobSize is the size of the checkpoint blob in bytes.
func (z *Ztoc) gzipBlobSize() int64 {
	return gzipBlobHeader + recordSize*int64(len(z.stored()))
}

// encodeGzipBlob fills b, which has gzipBlobSize bytes, all zero.
func (z *Ztoc) encodeGzipBlob(b []byte) {
	binary.LittleEndian.PutUint32(b, uint32(len(z.Checkpoints)))
	binary.LittleEndian.PutUint64(b[4:], uint64(z.SpanSize))
	b = b[gzipBlobHeader:]
	for _, c := range z.stored() {
		binary.LittleEndian.PutUint64(b, uint64(c.In))
		binary.LittleEndian.PutUint64(b[8:], uint64(c.Out))
		b[16] = c.Bits
		copy(b[recordHeader:recordSize], c.Window)
		b = b[recordSize:]
	}
}

// checkGzipBlob says why the checkpoints cannot be written.
func (z *Ztoc) checkGzipBlob() error {
	if z.BlobVersion != 1 && z.BlobVersion != 2 {
		return fmt.Errorf("checkpoint blob version %d: %w", z.BlobVersion, ErrInvalid)
	}
	if len(z.Checkpoints) == 0 {
		return fmt.Errorf("no checkpoints: %w", ErrInvalid)
	}
	if c := z.Checkpoints[0]; z.BlobVersion == 1 && (c.In != v1HeaderSize || c.Out != 0 || c.Bits != 0) {
		return fmt.Errorf("first checkpoint at %d does not fit version 1: %w", c.In, ErrInvalid)
	}
	for i, c := range z.Checkpoints {
		if c.Window != nil && len(c.Window) != WindowSize {
			return fmt.Errorf("checkpoint %d: window of %d bytes: %w", i, len(c.Window), ErrInvalid)
		}
	}
	return nil
}
