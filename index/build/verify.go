// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
)

// Verify reads the blob again and proves res: the stream leads from its first
// byte to the first span; every span matches its digest, decodes from its own
// checkpoint and ends where the next one starts, the last with the stream; all spans together hash to DiffID and the blob to Digest; the
// tar stream has the entries of the table and ends where the table says.
//
// For an index that comes from elsewhere, fill a Result with what is known:
// an empty digest is not compared, and with a TarSize of 0 the stream may go on
// behind the end marker of the archive.
//
// Memory is the largest span, compressed and decoded. Errors match
// [ErrMismatch] if the index is wrong, [span.ErrVerify] if the blob is, or are
// those of package ztoc, inflate, r or ctx.
func Verify(ctx context.Context, r io.Reader, res *Result) error {
	v, err := newVerifier(res)
	if err != nil {
		return err
	}
	defer v.table.close()
	var src source
	blob := sha256.New()
	see := func(b []byte) error {
		_, err := blob.Write(b)
		return err
	}
	if err := v.blob(src.reader(ctx, r, see)); err != nil {
		return err
	}
	if got := digest.NewDigest(digest.SHA256, blob); res.Digest != "" && got != res.Digest {
		return fmt.Errorf("blob is %s, want %s: %w", got, res.Digest, ErrMismatch)
	}
	if got := digest.NewDigest(digest.SHA256, v.diffID); res.DiffID != "" && got != res.DiffID {
		return fmt.Errorf("spans decode to %s, want %s: %w", got, res.DiffID, ErrMismatch)
	}
	return v.entries()
}

// verifier is the state of one Verify.
type verifier struct {
	res    *Result
	layer  span.Layer
	diffID hash.Hash
	table  *table
	data   []byte // of the current span
	out    []byte // buffer it is decoded to
}

func newVerifier(res *Result) (*verifier, error) {
	if _, err := res.Ztoc.Layer(); err != nil {
		return nil, err
	}
	// The same spans, with the last one as long as the stream.
	whole := *res.Ztoc
	if res.TarSize != 0 {
		whole.UncompressedSize = res.TarSize
	}
	layer, err := whole.Layer()
	if err != nil {
		return nil, err
	}
	return &verifier{res: res, layer: layer, diffID: sha256.New(), table: newTable(newBudget())}, nil
}

// blob reads all spans.
func (v *verifier) blob(r io.Reader) error {
	prefix := make([]byte, min(v.layer.Span(0).Start, maxPrefix))
	if _, err := io.ReadFull(r, prefix); err != nil {
		return short(err, "before span 0")
	}
	at := v.layer.Span(0).Start
	if err := v.res.Ztoc.CheckPrefix(prefix); err != nil {
		return err
	}
	if at > maxPrefix {
		return fmt.Errorf("%d bytes before span 0: %w", at, ErrMismatch)
	}
	for i := range v.layer.Len() {
		s := v.layer.Span(span.ID(i))
		if err := v.read(r, s, at); err != nil {
			return err
		}
		if i == 0 {
			if err := v.start(append(prefix, v.data[:1]...)); err != nil {
				return err
			}
		}
		if err := v.span(s); err != nil {
			return err
		}
		at = s.End
	}
	if err := v.end(); err != nil {
		return err
	}
	switch n, err := io.CopyN(io.Discard, r, 1); {
	case n > 0:
		return fmt.Errorf("blob is longer than %d bytes: %w", at, ErrMismatch)
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// maxPrefix bounds the bytes before span 0: a gzip header, and possibly empty
// members and blocks.
const maxPrefix = 1 << 20

// checkpoints is a layer that is not plain.
type checkpoints interface {
	CheckStart(lead []byte) (ok bool, err error)
	CheckEnd(data []byte) (ok bool, err error)
}

// start looks at what leads to span 0.
func (v *verifier) start(lead []byte) error {
	if c, ok := v.layer.(checkpoints); ok {
		if ok, err := c.CheckStart(lead); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("stream does not start with span 0: %w", ErrMismatch)
		}
	}
	return nil
}

// end looks at what follows the output of the last span, unless the archive has
// ended and nobody says that the stream has too.
func (v *verifier) end() error {
	if c, ok := v.layer.(checkpoints); ok && (v.res.TarSize != 0 || !v.table.ended) {
		if ok, err := c.CheckEnd(v.data); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("stream does not end with the last span: %w", ErrMismatch)
		}
	}
	return nil
}

// read gets the bytes of s, of which those before at are in v.data already.
func (v *verifier) read(r io.Reader, s span.Span, at span.CompressedOffset) error {
	n := int(s.CompressedSize())
	keep := v.data[len(v.data)-int(at-s.Start):]
	if cap(v.data) < n {
		data := make([]byte, n)
		copy(data, keep)
		v.data = data
	} else {
		copy(v.data[:n], keep)
		v.data = v.data[:n]
	}
	if _, err := io.ReadFull(r, v.data[at-s.Start:]); err != nil {
		return short(err, fmt.Sprintf("in span %d", s.ID))
	}
	return nil
}

// span decodes s, whose bytes are in v.data.
func (v *verifier) span(s span.Span) error {
	data, err := span.Verify(s, v.data)
	if err != nil {
		return err
	}
	if n := v.layer.DecodeBufferSize(s.ID); cap(v.out) < n {
		v.out = make([]byte, 0, n)
	}
	out, err := v.layer.Decode(v.out, data)
	if err != nil {
		return err
	}
	v.diffID.Write(out)
	return v.table.push(out)
}

// entries compares the table with that of the stream.
func (v *verifier) entries() error {
	size, entries, err := v.table.finish()
	if err != nil {
		return err
	}
	z := v.res.Ztoc
	if size != z.UncompressedSize || len(entries) != len(z.Entries) {
		return fmt.Errorf("archive of %d bytes with %d entries, want %d with %d: %w",
			size, len(entries), z.UncompressedSize, len(z.Entries), ErrMismatch)
	}
	for i := range entries {
		if !sameEntry(entries[i], z.Entries[i]) {
			return fmt.Errorf("entry %d, %s, is not that of the tar header: %w", i, quote(z.Entries[i].Name), ErrMismatch)
		}
	}
	return nil
}

// short makes an end of r a mismatch.
func short(err error, where string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("blob ends %s: %w", where, ErrMismatch)
	}
	return err
}
