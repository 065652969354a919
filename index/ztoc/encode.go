// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"
	"slices"
	"time"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// maxEncoded is the limit of FlatBuffers, less what alignment may add.
const maxEncoded = 1<<31 - 1<<20

// Encode returns the ztoc as the reference implementation would write it:
// decoding what that wrote and encoding it again gives the same bytes. The
// caller owns the result. What the format cannot hold is [ErrInvalid].
func (z *Ztoc) Encode() ([]byte, error) {
	if err := z.encodable(); err != nil {
		return nil, err
	}
	b := fbs.NewBuilder(int(z.EncodedSize()))
	version, tool := b.String(z.Version), b.String(z.BuildTool)
	files := make([]fbs.Offset, len(z.Entries))
	for i := range slices.Backward(z.Entries) {
		files[i] = encodeEntry(b, &z.Entries[i])
	}
	metadata := b.Offsets(files)
	b.StartTable()
	b.Ref(slotMetadata, metadata)
	table := b.EndTable()
	info := z.encodeCompression(b)
	b.StartTable()
	b.Ref(slotVersion, version)
	b.Ref(slotBuildTool, tool)
	b.Ref(slotTOC, table)
	b.Int64(slotCompressedSize, z.CompressedSize)
	b.Int64(slotUncompressedSize, z.UncompressedSize)
	b.Ref(slotCompressionInfo, info)
	return b.Finish(b.EndTable()), nil
}

// encodable says why z cannot be written.
func (z *Ztoc) encodable() error {
	switch z.Compression {
	case Gzip:
		if err := z.checkGzipBlob(); err != nil {
			return err
		}
	case Uncompressed:
	default:
		return fmt.Errorf("%s: %w", z.Compression, ErrUnsupported)
	}
	for i := range z.Entries {
		if t := z.Entries[i].Type; t == 0 || int(t) >= len(typeNames) {
			return fmt.Errorf("entry %q: type %d: %w", z.Entries[i].Name, t, ErrInvalid)
		}
	}
	if n := z.EncodedSize(); n > maxEncoded {
		return fmt.Errorf("ztoc of %d bytes: %w", n, ErrUnsupported)
	}
	return nil
}

func (z *Ztoc) encodeCompression(b *fbs.Builder) fbs.Offset {
	var blob fbs.Offset
	if z.Compression == Gzip {
		at, p := b.Bytes(int(z.gzipBlobSize()))
		z.encodeGzipBlob(p)
		blob = at
	} else {
		plain := z.encodePlainBlob()
		at, p := b.Bytes(len(plain))
		copy(p, plain)
		blob = at
	}
	digests := make([]fbs.Offset, len(z.SpanDigests))
	for i, d := range z.SpanDigests {
		digests[i] = b.String(d.String())
	}
	list := b.Offsets(digests)
	b.StartTable()
	b.Uint32(slotMaxSpanID, uint32(z.MaxSpanID))
	b.Ref(slotSpanDigests, list)
	b.Ref(slotCheckpoints, blob)
	b.Int8(slotAlgorithm, int8(z.Compression), int8(Gzip))
	return b.EndTable()
}

func encodeEntry(b *fbs.Builder, e *toc.Entry) fbs.Offset {
	name, kind := b.String(e.Name), b.String(typeNames[e.Type])
	link, uname, gname := b.String(e.Linkname), b.String(e.Uname), b.String(e.Gname)
	mtime := b.String(formatTime(e.ModTime))
	records := make([]fbs.Offset, len(e.PAX))
	for i, r := range e.PAX {
		key, value := b.String(r.Key), b.String(r.Value)
		b.StartTable()
		b.Ref(slotKey, key)
		b.Ref(slotValue, value)
		records[i] = b.EndTable()
	}
	xattrs := b.Offsets(records)
	b.StartTable()
	b.Ref(slotName, name)
	b.Ref(slotType, kind)
	b.Int64(slotOffset, int64(e.Offset))
	b.Int64(slotSize, e.Size)
	b.Ref(slotLinkname, link)
	b.Int64(slotMode, e.Mode)
	b.Uint32(slotUID, e.UID)
	b.Uint32(slotGID, e.GID)
	b.Ref(slotUname, uname)
	b.Ref(slotGname, gname)
	b.Ref(slotModTime, mtime)
	b.Int64(slotDevmajor, e.Devmajor)
	b.Int64(slotDevminor, e.Devminor)
	b.Ref(slotXattrs, xattrs)
	return b.EndTable()
}

// formatTime is t as RFC 3339 text; "" if it is zero or RFC 3339 cannot say it.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	text, err := t.MarshalText()
	if err != nil {
		return ""
	}
	return string(text)
}
