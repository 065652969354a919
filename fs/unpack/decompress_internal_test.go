// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package unpack

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func FuzzDecompress(f *testing.F) {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte("plain"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(w.EncodeAll([]byte("some content"), nil))
	f.Add([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := decompress(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		defer s.Close()
		out, err := io.ReadAll(io.LimitReader(s, 1<<20))
		if err == nil && !bytes.HasPrefix(in, magicGzip) && (len(in) < 4 || !isZstd(in[:4])) && !bytes.Equal(in, out) {
			t.Errorf("plain content came out as %q", out)
		}
	})
}

func TestIsZstd(t *testing.T) {
	for in, want := range map[string]bool{
		"\x28\xb5\x2f\xfd": true, "\x50\x2a\x4d\x18": true, "\x5f\x2a\x4d\x18": true,
		"\x60\x2a\x4d\x18": false, "\x28\xb5\x2f": false, "": false, "text": false,
	} {
		if got := isZstd([]byte(in)); got != want {
			t.Errorf("%x: got %v", in, got)
		}
	}
}
