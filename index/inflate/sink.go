// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// Block is a candidate for a checkpoint: the start of a DEFLATE block.
type Block struct {
	// BitPos is the position of the block's 3 header bits in the whole gzip
	// stream.
	BitPos int64
	// Out is the uncompressed offset (over all members) at which the block's
	// output starts.
	Out int64
}

// Sink receives what a Walker finds, in stream order and from one goroutine.
// An error ends the walk and is returned by it as it is.
type Sink interface {
	// Block is called for the first block of each member and for each block
	// that follows one which is not its member's last, before the output
	// of the block. window is the (up to) WindowSize bytes before it, over
	// all members; it is valid, and must not be changed, during the call.
	Block(b Block, window []byte) error
	// Output is called with the next decoded bytes, at least one. p is valid,
	// and must not be changed, during the call. The bytes are verified only
	// when the walk has passed the end of the member. Of a block in which the
	// stream turns out to be corrupt or truncated, not all may come.
	Output(p []byte) error
}
