// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"errors"
	"fmt"
)

var (
	// ErrCorrupt reports a stream that is not valid DEFLATE, or gzip framing
	// or checksums that do not fit.
	ErrCorrupt = errors.New("inflate: corrupt data")
	// ErrTruncated reports input that ends inside the stream.
	ErrTruncated = errors.New("inflate: truncated input")
	// ErrNotGzip reports a stream that does not start with a gzip member.
	ErrNotGzip = errors.New("inflate: not a gzip stream")
	// ErrEnd reports a piece of a stream behind whose output the next one does
	// not begin where it should.
	ErrEnd = errors.New("inflate: piece does not end where it should")
	// ErrTrailing is matched by every [TrailingError].
	ErrTrailing = errors.New("inflate: data after the last gzip member")
)

// errShort means that the input ends inside something that is read whole or
// not at all; nothing was consumed.
var errShort = errors.New("inflate: more input needed")

// errDone means that the stream has ended. It is not io.EOF, which a reader or
// sink could return for reasons of its own.
var errDone = errors.New("inflate: end of stream")

// TrailingError reports bytes after the last gzip member that do not start
// another one. It matches [ErrTrailing].
type TrailingError struct {
	// Offset is the position of the first such byte in the stream.
	Offset int64
	// Zero tells that all bytes to the end of the stream are zero: padding,
	// which gzip(1) ignores.
	Zero bool
}

// Error names the offset and the kind of data.
func (e *TrailingError) Error() string {
	kind := "garbage"
	if e.Zero {
		kind = "zero padding"
	}
	return fmt.Sprintf("%v: %s at byte %d", ErrTrailing, kind, e.Offset)
}

// Is matches [ErrTrailing].
func (e *TrailingError) Is(target error) bool { return target == ErrTrailing }

// at adds the bit position where decoding stopped.
func at(err error, bit int64) error {
	return fmt.Errorf("%w at bit %d", err, bit)
}
