// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"context"
	"time"
)

// requestContext is the context of one request: done when the kernel
// interrupts it or the mount ends. As an interface it costs no allocation.
type requestContext struct{ cancel <-chan struct{} }

var _ context.Context = requestContext{}

// Deadline implements context.Context: there is none.
func (c requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (c requestContext) Done() <-chan struct{} { return c.cancel }

// Value implements context.Context: there are none.
func (c requestContext) Value(any) any { return nil }

// Err implements context.Context.
func (c requestContext) Err() error {
	select {
	case <-c.cancel:
		return context.Canceled
	default:
		return nil
	}
}
