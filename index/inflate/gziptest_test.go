// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
)

// check panics on errors that cannot happen when data is made in memory.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// crc is the checksum of a member header.
func crc(h []byte) uint16 { return uint16(crc32.ChecksumIEEE(h)) }

// headerLength finds the length of the header of the first member by asking
// the standard library how much it reads before the data.
func headerLength(blob []byte) int {
	r := bytes.NewReader(blob)
	_, err := gzip.NewReader(r)
	check(err)
	return len(blob) - r.Len()
}
