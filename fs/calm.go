// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"runtime/debug"
	"time"
)

// calmAfter is how long after the last change of a layer its memory is given
// back. Loading the indexes of an image takes tens of megabytes of heap, which
// the runtime would keep for minutes; a daemon with mounts that nobody changes
// needs next to none.
const calmAfter = 5 * time.Second

// stir says that a layer changed.
func (f *FileSystem) stir() { f.calm.Reset(calmAfter) }

// newCalm is a timer that gives memory back; it does not run yet.
func newCalm() *time.Timer {
	t := time.AfterFunc(calmAfter, debug.FreeOSMemory)
	t.Stop()
	return t
}
