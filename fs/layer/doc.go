// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package layer is one layer of this host: its table of contents and spans,
// the disk store, the reader, and the fetching that makes it whole.
//
//	described   opened; nothing fetches, nobody reads
//	lazy        started; read on demand, the rest arrives behind it
//	whole       every span is on disk
//	proven      and the layer is what its index says (package proof)
//	plain       and the directory is what an unpack leaves, synced
//	condemned   the index lies
//
// A started layer fetches what its prefetch artifact lists, then everything
// else in stream order. It never gives up: what fails is tried again after a
// pause that doubles, until the layer is closed. A span that is wrong at the
// registry does not keep the others from arriving.
//
// Spans are proven as they arrive. What an earlier process fetched without
// proving it is fetched once more, for the proof alone.
package layer
