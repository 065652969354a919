// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package span

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrVerify is matched by every [VerifyError].
var ErrVerify = errors.New("span does not match its digest")

// ErrDamaged says that what is kept on this host of an index is not what was
// written: neither the layer nor its index is at fault.
var ErrDamaged = errors.New("index on disk is damaged")

// VerifyError says which span's bytes were wrong.
type VerifyError struct {
	Span      ID
	Got, Want Digest
	GotSize   int64
	WantSize  int64
}

// Error implements error.
func (e *VerifyError) Error() string {
	if e.GotSize != e.WantSize {
		return fmt.Sprintf("span %d: got %d bytes, want %d", e.Span, e.GotSize, e.WantSize)
	}
	return fmt.Sprintf("span %d: got sha256:%x, want sha256:%x", e.Span, e.Got, e.Want)
}

// Is makes every VerifyError match [ErrVerify].
func (e *VerifyError) Is(target error) bool { return target == ErrVerify }

// Verified is the compressed bytes of a span, known to match its digest.
// Only [Verify] makes one.
type Verified struct {
	span Span
	data []byte
}

// Verify hashes data against s.Digest. It keeps data, which must not be
// changed afterwards. A mismatch in size or digest is a [*VerifyError].
func Verify(s Span, data []byte) (Verified, error) {
	e := &VerifyError{Span: s.ID, Want: s.Digest, GotSize: int64(len(data)), WantSize: s.CompressedSize()}
	if e.GotSize != e.WantSize {
		return Verified{}, e
	}
	e.Got = sha256.Sum256(data)
	if e.Got != s.Digest {
		return Verified{}, e
	}
	return Verified{span: s, data: data}, nil
}

// Span is the span the bytes belong to.
func (v Verified) Span() Span { return v.span }

// Bytes are the compressed bytes; they must not be changed. Their capacity
// may exceed their length (a decoder that wants padding looks at it).
func (v Verified) Bytes() []byte { return v.data }
