// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package remote reads from and writes to image registries.
//
// A [Registry] is made once and used for everything: manifests, whole blobs,
// ranges of blobs, referrers, pushes. Where a reference leads is containerd's
// own configuration (hosts.toml directories, see [Hosts]), so mirrors, custom
// certificates and headers need nothing of ours.
//
// # How a request is answered
//
// Behaviour is stacked, each layer a few lines that know nothing of the others:
//
//	Blob.ReadRange, Open     a body that breaks is resumed at the byte
//	  failover               every host in turn; then, after a pause, again
//	    exchange             redirects followed, remembered per blob
//	      authorized         401 answered with a token, once
//	        send             one HTTP request; stalls noticed
//
// There is no total time limit anywhere: a large blob over a slow line is fine.
// What ends a request is its context, an answer that does not begin
// (Options.HeaderTimeout) and a body that does not move (Options.StallWindow).
//
// A host that fails is tried last for a while, so that a dead mirror costs one
// time-out and not one for each read.
//
// # Trust
//
// Nothing a registry says is believed. [Registry.Get] checks the digest;
// bodies of [Registry.Open] and [Blob.ReadRange] are not checked and their
// callers must. Credentials and hosts.toml headers go to the configured hosts
// only, never to where they redirect; queries of URLs, which may be
// signatures, never appear in an error.
//
// # Errors
//
// They match errdefs.IsNotFound, IsUnauthorized, IsPermissionDenied,
// IsOutOfRange and IsUnavailable, the package's own sentinels, and are sorted
// by [Transient] into those worth trying again later and those that are not.
// With several hosts the error of the last one, the origin, decides, unless
// some host failed in a way that may pass.
package remote
