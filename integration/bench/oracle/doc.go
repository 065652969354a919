// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package oracle computes the least that a start has to fetch: the compressed
// bytes of the spans that hold the pages which the same start brings into the
// page cache when the image is unpacked under overlayfs.
//
// A [Layer] is an index of the layer with fine spans, made for this purpose.
// After a start with a cold page cache, [Layer.Touched] asks the kernel which
// pages of each unpacked file are resident, finds where these lie in the tar
// stream, and adds up the compressed sizes of the spans there. Readahead of
// the kernel counts as touched; what is fetched to describe the layers
// (manifests, indexes) does not count.
package oracle
