// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"errors"
	"fmt"
)

var (
	// ErrLie is matched by every [LieError].
	ErrLie = errors.New("layer is not what its index says")
	// ErrUnprovable says that spans do not cover the layer in order.
	ErrUnprovable = errors.New("layer cannot be proven")
	// ErrAgain says that bytes outside of any span were wrong on their way:
	// the proof has to begin again.
	ErrAgain = errors.New("proof has to begin again")
)

// LieError says what is wrong with a layer or its index. It will not pass.
type LieError struct{ What string }

func lie(format string, args ...any) *LieError { return &LieError{fmt.Sprintf(format, args...)} }

// Error implements error.
func (e *LieError) Error() string { return ErrLie.Error() + ": " + e.What }

// Is makes every LieError match [ErrLie].
func (e *LieError) Is(target error) bool { return target == ErrLie }
