// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package buildtest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// headerSize is the size of a member's header.
const headerSize = 10

// stream is the blocks of a gzip member, none of them final, and what they
// decode to. Blocks do not refer to what other calls appended.
type stream struct{ raw, plain []byte }

// deflated appends each part as blocks of its own.
func (s stream) deflated(tb testing.TB, parts ...[]byte) stream {
	tb.Helper()
	for _, p := range parts {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, 6)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(p); err != nil {
			tb.Fatal(err)
		}
		if err := w.Flush(); err != nil { // ends with an empty block, at a byte
			tb.Fatal(err)
		}
		s = stream{concat(s.raw, b.Bytes()), concat(s.plain, p)}
	}
	return s
}

// stored appends p as one block, which is not compressed.
func (s stream) stored(p []byte) stream {
	n := uint16(len(p))
	head := binary.LittleEndian.AppendUint16([]byte{0}, n)
	head = binary.LittleEndian.AppendUint16(head, ^n)
	return stream{concat(s.raw, head, p), concat(s.plain, p)}
}

// member is the whole member.
func (s stream) member() []byte {
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	b := concat(header, s.raw, []byte{1, 0, 0, 0xff, 0xff}) // an empty final block
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(s.plain))
	return binary.LittleEndian.AppendUint32(b, uint32(len(s.plain)))
}
