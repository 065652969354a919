// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
)

// writeWeights writes size bytes (a multiple of 4) of small float32 numbers
// around 0, the same ones every time.
func writeWeights(w io.Writer, size int64) error {
	b := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(3, 4))
	var word [4]byte
	for range size / 4 {
		binary.LittleEndian.PutUint32(word[:], math.Float32bits(float32(r.NormFloat64()*0.02)))
		if _, err := b.Write(word[:]); err != nil {
			return err
		}
	}
	return b.Flush()
}
