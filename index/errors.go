// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import "errors"

var (
	// ErrNoIndex says that an image has no usable index: the whole pull
	// belongs to containerd.
	ErrNoIndex = errors.New("image has no index")

	// ErrNotLazy says that the image has an index but this layer cannot be
	// presented lazily: it has to be unpacked normally.
	ErrNotLazy = errors.New("layer cannot be loaded lazily")

	// ErrInvalid says that an index or prefetch artifact is malformed.
	ErrInvalid = errors.New("invalid index")
)
