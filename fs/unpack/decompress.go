// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package unpack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest zstd window that is decoded, what zstd itself takes
// without being asked (RFC 8878, 3.1.1.1.2, and zstd's --long).
const maxWindow = 128 << 20

// magic numbers: RFC 1952 2.3.1, RFC 8878 3.1.1 and 3.1.2.
var (
	magicGzip = []byte{0x1f, 0x8b, 0x08}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

const (
	magicSkippable     = 0x184d2a50
	magicSkippableMask = 0xfffffff0
)

// stream is the tar stream of a layer. Close frees the decoder only.
type stream struct {
	io.Reader
	close func()
}

// Close ends decoding.
func (s stream) Close() {
	if s.close != nil {
		s.close()
	}
}

// decompress finds out by the first bytes how raw is compressed, whatever the
// media type says.
func decompress(raw *bufio.Reader) (stream, error) {
	head, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return stream{}, err
	}
	switch {
	case bytes.HasPrefix(head, magicGzip):
		r, err := gzip.NewReader(raw)
		return stream{Reader: r}, err
	case isZstd(head):
		r, err := zstd.NewReader(raw, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return stream{}, err
		}
		return stream{Reader: r, close: r.Close}, nil
	}
	return stream{Reader: raw}, nil
}

func isZstd(head []byte) bool {
	if bytes.Equal(head, magicZstd) {
		return true
	}
	return len(head) == 4 && binary.LittleEndian.Uint32(head)&magicSkippableMask == magicSkippable
}

// Decompress is the tar stream of a layer that is in memory. One of more than
// limit bytes is an error.
func Decompress(layer []byte, limit int64) ([]byte, error) {
	s, err := decompress(bufio.NewReader(bytes.NewReader(layer)))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b, err := io.ReadAll(io.LimitReader(s, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b, err
}
