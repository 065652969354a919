// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"

	"github.com/spryd/spry/index/span"
)

// CheckWindow compares the window that span id starts with with before, the
// bytes that really precede the span: the last WindowSize of them, or all if
// they are fewer. Any difference is an error that matches [ErrInvalid].
func (l *gzipLayer) CheckWindow(id span.ID, before []byte) error {
	window := l.checkpoints[id].dictionary()
	if len(window) != len(before) {
		return fmt.Errorf("window of span %d has %d bytes, %d precede it: %w", id, len(window), len(before), ErrInvalid)
	}
	for i := range window {
		if window[i] != before[i] {
			return fmt.Errorf("window of span %d: wrong byte %d before it: %w", id, len(window)-i, ErrInvalid)
		}
	}
	return nil
}
