// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package convert turns an image into one that says how its layers can be
// loaded lazily.
//
// The result is an OCI index in which image and index name each other:
//
//	OCI index
//	 |- image manifest A', annotated with the digest of S
//	 |- ...
//	 |- index manifest S, its descriptor annotated with the digest of A'
//
// Index manifests come after all image manifests, because a runtime takes the
// first entry that fits its platform.
//
// The steps, which the caller puts together:
//
//	Manifests   the image manifests of a target, one for each platform
//	Plan        which of a manifest's layers can have a ztoc, and why not
//	Prefetch    the spans that hold given files
//	Convert     the rewritten image
//
// For an image that is to stay as it is, an index of version 1 is pushed beside
// it; [Referrer] and [AddReferrer] describe it to registries that cannot.
//
// All functions are pure but for the [Store] they are given, and the same input
// gives the same bytes. Converting a converted image changes nothing.
package convert
