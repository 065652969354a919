// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import "github.com/spryd/spry/index/toc"

// Upper bounds of what the parts of a ztoc take besides their texts: table,
// vtable, alignment, string headers, and the references to them.
const (
	fixedSize  = 512
	entrySize  = 192
	recordCost = 40
	digestSize = 4 + 4 + len("sha256:") + 64 + 4
)

// EncodedSize is an upper bound, a close one, of the bytes [Ztoc.Encode]
// returns. A builder can use it to stop in time.
func (z *Ztoc) EncodedSize() int64 {
	n := int64(fixedSize+len(z.Version)+len(z.BuildTool)) + int64(digestSize)*int64(len(z.SpanDigests))
	n += z.gzipBlobSize()
	for i := range z.Entries {
		n += EntrySize(&z.Entries[i])
	}
	return n
}

// EntrySize is an upper bound of what e adds to [Ztoc.EncodedSize].
func EntrySize(e *toc.Entry) int64 {
	n := entrySize + len(e.Name) + len(e.Linkname) + len(e.Uname) + len(e.Gname)
	for _, r := range e.PAX {
		n += recordCost + len(r.Key) + len(r.Value)
	}
	return int64(n)
}
