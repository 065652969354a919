// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// MaxSize is the largest ztoc that Decode looks at, in bytes: 64 GB of tar
// stream in spans of 4 MiB with a million files have less.
const MaxSize = 1 << 30

// Limits that keep the values of a decoded ztoc in proportion to its bytes,
// although tables and strings of a hostile one may be shared without end.
const (
	// minEntryBytes, minRecordBytes and minDigestBytes are less than what a
	// table or string of that kind takes when nothing is shared.
	minEntryBytes  = 40
	minRecordBytes = 16
	minDigestBytes = 64
	// maxTextFactor is how many times longer than the buffer all texts
	// together may be.
	maxTextFactor = 2
)

// Decode parses a ztoc. Windows of checkpoints alias b, which must not change
// as long as the result or a layer of it is used; everything else is copied.
// A buffer that is no ztoc is [ErrInvalid], one with an unknown compression
// [ErrUnsupported].
func Decode(b []byte) (*Ztoc, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("ztoc of %d bytes, at most %d: %w", len(b), MaxSize, ErrUnsupported)
	}
	d := decoder{r: fbs.NewReader(b), size: len(b), textLeft: maxTextFactor * len(b), names: map[string]string{}}
	z, err := d.ztoc()
	if rerr := d.r.Err(); rerr != nil {
		return nil, fmt.Errorf("%w: %w", rerr, ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	return z, nil
}

// decoder is the state of one Decode.
type decoder struct {
	r        *fbs.Reader
	size     int               // bytes of the buffer
	textLeft int               // bytes that texts may still take
	records  int               // PAX records so far
	names    map[string]string // user and group names, each kept once
	mtime    lastTime
}

func (d *decoder) ztoc() (*Ztoc, error) {
	root := d.r.Root()
	z := &Ztoc{
		Version:          d.text(root.Bytes(slotVersion)),
		BuildTool:        d.text(root.Bytes(slotBuildTool)),
		CompressedSize:   root.Int64(slotCompressedSize),
		UncompressedSize: root.Int64(slotUncompressedSize),
	}
	if err := z.checkSizes(); err != nil {
		return nil, err
	}
	if err := d.compression(z, root.Table(slotCompressionInfo)); err != nil {
		return nil, err
	}
	files := root.Table(slotTOC).Vector(slotMetadata)
	if n := files.Len(); n > d.size/minEntryBytes {
		return nil, fmt.Errorf("%d entries in %d bytes: %w", n, d.size, ErrInvalid)
	}
	z.Entries = make([]toc.Entry, files.Len())
	for i := range z.Entries {
		if err := d.entry(&z.Entries[i], files.Table(i)); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if d.r.Err() != nil || d.textLeft < 0 {
			break
		}
	}
	if d.textLeft < 0 {
		return nil, fmt.Errorf("texts longer than %d times the ztoc: %w", maxTextFactor, ErrInvalid)
	}
	return z, nil
}

func (d *decoder) compression(z *Ztoc, info fbs.Table) error {
	z.Compression = Compression(info.Int8(slotAlgorithm, int8(Gzip)))
	z.MaxSpanID = int32(info.Uint32(slotMaxSpanID))
	digests := info.Vector(slotSpanDigests)
	if n := digests.Len(); n > d.size/minDigestBytes {
		return fmt.Errorf("%d span digests in %d bytes: %w", n, d.size, ErrInvalid)
	}
	z.SpanDigests = make([]digest.Digest, digests.Len())
	for i := range z.SpanDigests {
		z.SpanDigests[i] = digest.Digest(d.text(digests.Bytes(i)))
	}
	blob := info.Bytes(slotCheckpoints)
	if d.r.Err() != nil {
		return nil // Decode reports it
	}
	switch z.Compression {
	case Gzip:
		return z.decodeGzipBlob(blob)
	case Uncompressed:
		return z.decodePlainBlob(blob)
	}
	return fmt.Errorf("%s: %w", z.Compression, ErrUnsupported)
}

// text copies b; nothing once the texts are too long together, which makes
// the ztoc invalid.
func (d *decoder) text(b []byte) string {
	if d.textLeft -= len(b); d.textLeft < 0 {
		return ""
	}
	return string(b)
}

// name is b as a string, of which one copy is kept.
func (d *decoder) name(b []byte) string {
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	s := d.text(b)
	d.names[s] = s
	return s
}
