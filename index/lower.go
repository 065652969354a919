// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import "github.com/opencontainers/go-digest"

// Lower is what a layer lies on: another layer that is mounted, or a directory
// of files. Of a mounted layer no path is given, so that nobody looks through
// its mount: see package fs/below.
type Lower struct {
	// Layer is the digest of a mounted layer, "" for a directory.
	Layer digest.Digest
	// Dir is the directory if Layer is "".
	Dir string
}
