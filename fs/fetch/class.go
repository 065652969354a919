// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

// Class is the urgency of a transfer. Lower values are more urgent.
type Class int

// The classes, most urgent first.
const (
	Demand Class = iota
	Readahead
	Prefetch
	Background
	classes
)

// Classes is the number of classes.
const Classes = int(classes)

// String names the class for logs and errors.
func (c Class) String() string {
	switch c {
	case Demand:
		return "demand"
	case Readahead:
		return "readahead"
	case Prefetch:
		return "prefetch"
	case Background:
		return "background"
	default:
		return "unknown"
	}
}
