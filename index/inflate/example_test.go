// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"compress/gzip"
	"fmt"

	"github.com/spryd/spry/index/inflate"
)

// checkpoint is a Sink that remembers the first block that starts after some
// output.
type checkpoint struct {
	block  inflate.Block
	window []byte
}

func (c *checkpoint) Block(b inflate.Block, window []byte) error {
	if b.Out > 0 && c.window == nil {
		c.block, c.window = b, bytes.Clone(window)
	}
	return nil
}

func (c *checkpoint) Output([]byte) error { return nil }

// A walk finds the places from which a stream can be decoded later.
func Example() {
	var blob bytes.Buffer
	for _, s := range []string{"first member", "second member"} {
		w := gzip.NewWriter(&blob)
		if _, err := w.Write([]byte(s + ", ")); err != nil {
			panic(err)
		}
		if err := w.Flush(); err != nil { // ends a block
			panic(err)
		}
		if _, err := w.Write([]byte("continued; ")); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
	}
	var c checkpoint
	if _, err := inflate.Walk(bytes.NewReader(blob.Bytes()), &c); err != nil {
		panic(err)
	}
	out, err := inflate.DecodeAt(nil, inflate.PadInput(blob.Bytes()), c.block.BitPos, c.window, 26)
	fmt.Printf("from byte %d: %q %v\n", c.block.Out, out, err)
	// Output: from byte 14: "continued; second member, " <nil>
}
