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
	Proven
	Plain
	Condemned
)

var stateNames = [...]string{"described", "lazy", "whole", "proven", "plain", "condemned"}

// String names the state for status output.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}
