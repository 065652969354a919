// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// Input is compressed bytes. They are not modified, and nothing outside them
// is read.
type Input struct{ b []byte }

// PadInput makes an Input of b without copying. The Input is valid as long as
// b is not changed.
func PadInput(b []byte) Input { return Input{b} }

// Len is the number of compressed bytes.
func (in Input) Len() int { return len(in.b) }
