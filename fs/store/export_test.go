// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// OpenInBoot is Open in a boot with the given id.
func OpenInBoot(dir string, tree *toc.Tree, layer span.Layer, boot string) (*Store, error) {
	return open(dir, tree, layoutOf(layer, boot), layer)
}

// MaxHandles is the bound on idle open files.
const MaxHandles = maxHandles

// OpenHandles is how many files s holds open.
func (s *Store) OpenHandles() int {
	s.handles.mu.Lock()
	defer s.handles.mu.Unlock()
	return len(s.handles.open)
}
