// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import "errors"

var (
	// ErrInvalid says that a compact index, or the source of one, is not
	// consistent in itself.
	ErrInvalid = errors.New("invalid compact index")
	// ErrVersion says that a compact index is of a version that this package
	// does not know: another index of the layer has to be used.
	ErrVersion = errors.New("unknown version of compact index")
	// ErrUnsupported says that a layer cannot have a compact index.
	ErrUnsupported = errors.New("layer cannot have a compact index")
)
