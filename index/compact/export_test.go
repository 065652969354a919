// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

// PartSizes are the sizes of the sections of a wire form.
func PartSizes(b []byte) []int64 {
	h, err := parseHeader(b, wire, int64(len(b)))
	if err != nil {
		return nil
	}
	var sizes []int64
	for _, s := range h.sections {
		sizes = append(sizes, s.size)
	}
	return sizes
}
