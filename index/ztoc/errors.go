// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import "errors"

var (
	// ErrInvalid reports a ztoc that contradicts itself or the format.
	ErrInvalid = errors.New("invalid ztoc")
	// ErrUnsupported reports a ztoc that is well formed and beyond what can be
	// presented lazily: sparse files, other compressions, oversized spans.
	ErrUnsupported = errors.New("unsupported ztoc")
)
