// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fbs

// Vector is a vector of references: to tables or to strings.
type Vector struct {
	r     *Reader
	at, n int
}

// Len is the number of elements. A buffer of N bytes has vectors of at most
// N/4, but any number of vectors and elements may share what they refer to.
func (v Vector) Len() int { return v.n }

// Table is the i-th element, a table.
func (v Vector) Table(i int) Table {
	if i < 0 || i >= v.n {
		return Table{r: v.r}
	}
	return v.r.table(v.at + 4*i)
}

// Bytes is the i-th element, a string. It aliases the buffer.
func (v Vector) Bytes(i int) []byte {
	if i < 0 || i >= v.n {
		return nil
	}
	return v.r.bytes(v.r.follow(v.at + 4*i))
}
