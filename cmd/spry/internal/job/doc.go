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
// the stream as it comes from the source, which proves the index as well: nothing
// is unpacked and nothing is kept. What is copied from file to file is read behind
// the copy; what comes of it counts once the copy is verified.
//
// A layer that cannot be indexed is left out with its reason; that is part of
// the [Report] and no error, unless no layer is left.
package job
