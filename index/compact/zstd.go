// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Both are safe for concurrent use; neither starts goroutines for whole
// buffers. Errors are impossible with these options, and would be fatal at the
// first use.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderCRC(false),
			zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
		if err != nil {
			panic(err)
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// compress is b as a zstd frame.
func compress(b []byte) []byte { return encoder().EncodeAll(b, nil) }

// decompress decodes b, which must give exactly len(out) bytes, into out.
func decompress(out, b []byte) error {
	got, err := decoder().DecodeAll(b, out[:0:len(out)])
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrInvalid)
	}
	if len(got) != len(out) {
		return fmt.Errorf("decompresses to %d bytes, want %d: %w", len(got), len(out), ErrInvalid)
	}
	return nil
}
