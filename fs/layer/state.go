// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

// State is how far a layer has come; see the package comment.
type State int

// The states, in order.
const (
	Described State = iota
	Lazy
	Whole
)

// String names the state for status output.
func (s State) String() string {
	switch s {
	case Described:
		return "described"
	case Lazy:
		return "lazy"
	case Whole:
		return "whole"
	default:
		return "unknown"
	}
}
