// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package discover finds the SOCI index of an image and reads what it lists.
//
// Ways to an index, in order; the first that an image has is the only one:
//
//  1. a digest given with the pull (a snapshot label),
//  2. the annotation of the image manifest (v2: bound to the image's digest),
//  3. if allowed, the referrers of the manifest (v1: as trustworthy as the
//     registry that lists them; the index must name the image as its subject).
//
// All layers of an image ask at the same time; one asks the registry and the
// others take its answer. Answers are remembered when they are definite: an
// index for good, its absence for a short while. What may pass (the network, a
// registry in trouble) is tried a few times, returned, and forgotten.
package discover
