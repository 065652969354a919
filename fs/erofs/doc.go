// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package erofs puts the names of a layer into the kernel: as an EROFS image of its tree
// whose files' contents are in the decompressed layer, another device.
package erofs
