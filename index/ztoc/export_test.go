// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

// DecodeGzipBlob and EncodeGzipBlob are the checkpoint blob alone, for tests.
func DecodeGzipBlob(b []byte) (*Ztoc, error) {
	z := &Ztoc{Compression: Gzip}
	return z, z.decodeGzipBlob(b)
}

// EncodeGzipBlob is the checkpoint blob of z.
func EncodeGzipBlob(z *Ztoc) ([]byte, error) {
	if err := z.checkGzipBlob(); err != nil {
		return nil, err
	}
	b := make([]byte, z.gzipBlobSize())
	z.encodeGzipBlob(b)
	return b, nil
}

// DecodePlainBlob is the checkpoint blob of a plain tar of size bytes.
func DecodePlainBlob(b []byte, size int64) (*Ztoc, error) {
	z := &Ztoc{Compression: Uncompressed, CompressedSize: size}
	return z, z.decodePlainBlob(b)
}

// EncodePlainBlob is the checkpoint blob of z.
func EncodePlainBlob(z *Ztoc) []byte { return z.encodePlainBlob() }
