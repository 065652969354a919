// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package layertest makes layers for tests of what reads them: a real tree
// over real tar entries, and spans in a toy encoding whose neighbours share a
// byte, as those of gzip do, so that sizes and borders can be chosen freely.
// A [Blob] serves the layer and misbehaves as told.
package layertest
