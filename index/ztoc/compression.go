// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import "fmt"

// Compression is how a layer blob is compressed, with the numbers of the ztoc
// schema.
type Compression uint8

// The compressions that a ztoc can describe.
const (
	Gzip         Compression = 1
	Uncompressed Compression = 2
)

// String is the name of c.
func (c Compression) String() string {
	switch c {
	case Gzip:
		return "gzip"
	case Uncompressed:
		return "uncompressed"
	}
	return fmt.Sprintf("compression(%d)", uint8(c))
}
