// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package fs mounts image layers by digest.
//
// A layer exists once on a host, whatever images, tags and namespaces use it.
// Its users are owners (snapshot ids); with the last one it goes. What is on
// disk, below Options.Root:
//
//	layers/<hex>/ref.json   what the layer is and where it comes from; written last,
//	                        but for its copy, ref.json.copy
//	layers/<hex>/index      its layer index, mapped into memory while mounted
//	layers/<hex>/spans ...  its store, see package store
//	m/<short hex>           its mountpoint; short, as an overlay mount may name 120;
//	                        or, of a plain layer, another path to its directory
//	condemned/<hex>.<hex>   layer and index: the index was found to lie
//
// A directory without either is rubbish of a process that died.
//
// # Trust
//
// A layer's index says which of its bytes are which file, and nobody but the
// image that names an index vouches for it. So an image shares a mounted layer
// only if its own index has the very same ztoc for it; otherwise it gets the
// layer unpacked ([index.ErrNotLazy]). A manifest that was accepted once is
// remembered with the layer, so that its next mount needs no network.
//
// # Registry work
//
// The first Mount of an image finds its index and begins to load the layer
// indexes of all its layers, and the small layers that have none; the Mounts of
// the others, which containerd sends one by one, mostly find theirs in memory.
//
// # Starts
//
// When the layers of an image are mounted, what its command needs is fetched
// (package program), and later what any program or library needs that a
// container begins to read. Nobody waits for that.
//
//	Lock order:
//	  the lock of a digest (keyed; held during network and disk work)
//	    FileSystem.mu, artifacts.mu, starting.mu, source.mu (leaves, no I/O under them)
package fs
