// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package job does what the commands say: it makes indexes of the layers of
// an image and puts them where they belong.
//
//	src ──Resolve──> platforms ──> layers ─┬─ copy to dst, if dst is elsewhere
//	                                       └─ index, verify ──> ztoc to dst
//	     per platform: index manifest to dst
//	     Convert: image rewritten to name its indexes, tagged at dst
//	     Create:  index attached to the image at dst
//
// Layers are indexed in parallel, up to GOMAXPROCS at once, in one pass over
// the stream as it comes from the source: nothing is unpacked and nothing is
// kept. Where the bytes can be read again cheaply, a second pass proves the
// index before it is published.
//
// A layer that cannot be indexed is left out with its reason; that is part of
// the [Report] and no error, unless no layer is left.
package job
