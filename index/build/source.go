// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"io"
)

// readerFunc is a function as an [io.Reader].
type readerFunc func(p []byte) (int, error)

// Read implements [io.Reader].
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// source is the blob as it is read.
type source struct {
	size int64
	head []byte // the first bytes
}

// headSize is how many bytes a source keeps to tell what a blob is.
const headSize = 4

// reader reads r until ctx is done, and shows what it read to s and see, which
// can end it with an error.
func (s *source) reader(ctx context.Context, r io.Reader, see func([]byte) error) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if n > 0 {
			s.size += int64(n)
			s.head = append(s.head, p[:min(n, headSize-len(s.head))]...)
			if err := see(p[:n]); err != nil {
				return n, err
			}
		}
		return n, err
	})
}

// kind is what the blob looks like, "" if nothing known.
func (s *source) kind() string {
	switch string(s.head) {
	case "\x28\xb5\x2f\xfd":
		return "zstd"
	case "BZh9":
		return "bzip2"
	}
	switch {
	case len(s.head) < 2:
		return ""
	case string(s.head[:2]) == "\x1f\x8b":
		return "gzip"
	case s.head[0] == 0x78 && (int(s.head[0])<<8|int(s.head[1]))%31 == 0:
		return "zlib"
	}
	return ""
}
