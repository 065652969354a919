// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"

	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// Slots of the checkpoint blob of a plain tar.
const (
	slotPlainVersion = iota
	slotPlainSpanSize
	slotPlainSize
)

// decodePlainBlob sets the fields of z that are in b.
func (z *Ztoc) decodePlainBlob(b []byte) error {
	r := fbs.NewReader(b)
	t := r.Root()
	z.BlobVersion = int32(t.Uint32(slotPlainVersion))
	z.SpanSize = t.Int64(slotPlainSpanSize)
	size := t.Int64(slotPlainSize)
	if err := r.Err(); err != nil {
		return fmt.Errorf("checkpoint blob: %w: %w", err, ErrInvalid)
	}
	if size != z.CompressedSize {
		return fmt.Errorf("checkpoint blob: size %d, want %d: %w", size, z.CompressedSize, ErrInvalid)
	}
	return nil
}

// encodePlainBlob returns the checkpoint blob of a plain tar.
func (z *Ztoc) encodePlainBlob() []byte {
	b := fbs.NewBuilder(64)
	b.StartTable()
	b.Uint32(slotPlainVersion, uint32(z.BlobVersion))
	b.Int64(slotPlainSpanSize, z.SpanSize)
	b.Int64(slotPlainSize, z.CompressedSize)
	return b.Finish(b.EndTable())
}
