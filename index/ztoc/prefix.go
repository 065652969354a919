// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"encoding/binary"
	"fmt"
)

// gzip header, RFC 1952 section 2.3.
const (
	gzipMagic   = "\x1f\x8b\x08"
	flagHCRC    = 1 << 1
	flagExtra   = 1 << 2
	flagName    = 1 << 3
	flagComment = 1 << 4
)

// CheckPrefix says whether prefix, the blob bytes before span 0, which no
// span digest covers, fit the checkpoints: they must start with a whole gzip
// header, and be nothing else if the checkpoint blob is of version 1, which
// takes a header of 10 bytes for granted. A mismatch is [ErrInvalid]. Plain
// tars have no prefix.
func (z *Ztoc) CheckPrefix(prefix []byte) error {
	if z.Compression != Gzip {
		return nil
	}
	n := gzipHeaderSize(prefix)
	if n == 0 || (z.BlobVersion == 1 && n != v1HeaderSize) {
		return fmt.Errorf("%d blob bytes before span 0 are not a gzip header: %w", len(prefix), ErrInvalid)
	}
	return nil
}

// gzipHeaderSize is the size of the gzip header that b starts with; 0 if there
// is no whole one.
func gzipHeaderSize(b []byte) int {
	if len(b) < v1HeaderSize || string(b[:3]) != gzipMagic {
		return 0
	}
	flags, n := b[3], v1HeaderSize
	if flags&flagExtra != 0 {
		if len(b) < n+2 {
			return 0
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, f := range []byte{flagName, flagComment} {
		if flags&f == 0 {
			continue
		}
		for n < len(b) && b[n] != 0 {
			n++
		}
		n++
	}
	if flags&flagHCRC != 0 {
		n += 2
	}
	if n > len(b) {
		return 0
	}
	return n
}
