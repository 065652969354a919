// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"errors"
	"fmt"
)

// ErrSkip is matched by every [SkipError].
var ErrSkip = errors.New("layer cannot be indexed")

// ErrMismatch reports a layer that is not what its index says.
var ErrMismatch = errors.New("layer does not match its index")

// SkipError says why a layer cannot be indexed. The layer may be fine
// otherwise; an image is indexed without it.
type SkipError struct {
	// Reason names the cause, and the tar entry if there is one.
	Reason string
	// Err is the error behind it, may be nil.
	Err error
}

func skipf(err error, format string, args ...any) *SkipError {
	return &SkipError{Reason: fmt.Sprintf(format, args...), Err: err}
}

// Error implements error.
func (e *SkipError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%v: %s: %v", ErrSkip, e.Reason, e.Err)
	}
	return fmt.Sprintf("%v: %s", ErrSkip, e.Reason)
}

// Is makes every SkipError match [ErrSkip].
func (e *SkipError) Is(target error) bool { return target == ErrSkip }

// Unwrap is the error behind e.
func (e *SkipError) Unwrap() error { return e.Err }
