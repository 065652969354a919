// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import "encoding/binary"

// order is when a file is read in a start; what is read first is the lowest. Loaders
// and interpreters read what a file needs one after the other, each with all that
// it needs itself: so it has two bytes for each step from the start to the file.
// Else what a script imports last would be fetched before what its first import
// needs.
type order string

const (
	// What a file needs that a container reads now comes before the start that is
	// expected at a pull.
	reading  order = "\x00"
	expected order = "\x01"
	// maxNeeds is how many steps are told apart; what is below has the order of the last.
	maxNeeds = 64
)

// below is the order of the n-th that a file at o needs.
func (o order) below(n uint32) order {
	if len(o) > 2*maxNeeds {
		return o
	}
	return o + order(binary.BigEndian.AppendUint16(nil, uint16(min(n, 1<<16-1))))
}
