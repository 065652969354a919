// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"bytes"

	"github.com/spryd/spry/index/span"
)

// CheckWindow says whether the window that span id is decoded with is what
// precedes the span: before is the last WindowSize bytes of that, or all if
// they are fewer. The error is nil.
func (l *gzipLayer) CheckWindow(id span.ID, before []byte) (ok bool, err error) {
	return bytes.Equal(l.checkpoints[id].dictionary(), before), nil
}
