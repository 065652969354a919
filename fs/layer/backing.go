// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"os"

	"github.com/spryd/spry/index/toc"
)

// Backing opens the file on disk that holds the bytes of regular file id, if
// it is complete; the caller closes it. It does not fetch.
func (l *Layer) Backing(id toc.NodeID) (*os.File, bool) { return l.store.Backing(id) }
