// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"errors"
	"fmt"
)

// ErrTree is matched by every [EntryError]: the entries cannot be presented as
// a tree, so the layer has to be unpacked instead. It does not mean that an
// unpack would succeed.
var ErrTree = errors.New("layer cannot be presented as a tree")

// maxShownName bounds how much of a hostile name an error repeats, in bytes.
const maxShownName = 200

// EntryError says which entry stands in the way, and why.
type EntryError struct {
	// Index is the entry's number in tar order, from 0.
	Index int
	// Name is the entry's raw name.
	Name string
	// Reason is a clause such as "parent a/b is a symlink".
	Reason string
}

// Error implements error.
func (e *EntryError) Error() string {
	return fmt.Sprintf("tar entry %d %s: %s", e.Index, shown(e.Name), e.Reason)
}

// Is makes every EntryError match [ErrTree].
func (e *EntryError) Is(target error) bool { return target == ErrTree }

// shown quotes a name for an error, cut to a bearable length.
func shown(name string) string {
	if len(name) > maxShownName {
		return fmt.Sprintf("%q... (%d bytes)", name[:maxShownName], len(name))
	}
	return fmt.Sprintf("%q", name)
}
