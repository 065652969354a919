// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"errors"
	"fmt"

	"github.com/spryd/spry/index/span"
)

var (
	// ErrClosed says that the reader is closed.
	ErrClosed = errors.New("layer is closed")
	// ErrDeadline says that the bytes of a read could not be had in time.
	ErrDeadline = errors.New("no answer before the deadline")
	// ErrDecode says that verified bytes cannot be decoded: the index is
	// wrong, and fetching again does not help.
	ErrDecode = errors.New("span does not decode")

	// errLost says that the store did not hold what it had recorded.
	errLost = errors.New("stored span is lost")
)

// verdict is what a failed attempt calls for.
type verdict int

const (
	giveUp     verdict = iota
	fetchAgain         // at once, a limited number of times; then retryLater
	retryLater         // after a pause, until the deadline
)

// judge sorts the error of a run or of the store.
func (r *Reader) judge(err error) verdict {
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, ErrDecode):
		return giveUp
	case errors.Is(err, span.ErrVerify), errors.Is(err, errLost):
		return fetchAgain
	default:
		// Whatever the registry says: the layer was there when it was
		// mounted, and may be again before the deadline.
		return retryLater
	}
}

// Undecodable is the error of a span whose verified bytes did not decode. It
// matches [ErrDecode] unless only what this host keeps of the index is at fault.
func Undecodable(id span.ID, err error) error {
	if errors.Is(err, span.ErrDamaged) {
		return fmt.Errorf("span %d: %w", id, err)
	}
	return fmt.Errorf("span %d: %w: %w", id, ErrDecode, err)
}
