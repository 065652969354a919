// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package place is where images live: containerd's image store, an OCI layout
// (a directory or a tar), or a registry.
//
// An image is named as skopeo names it ([Parse]); an [Opener] turns the name
// into an [Image], which is both a source of content and a place to put
// content. The same code then works from any kind of place to any other:
//
//	src ──Resolve/Open──> job ──Put, Tag/Attach──> dst
//
// Content is addressed by digest everywhere. Put verifies what it stores, so
// bytes that reached a place are the bytes that were asked for; Open streams
// bytes as they are kept and the reader verifies.
package place
