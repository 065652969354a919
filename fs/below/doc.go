// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package below looks for directories in the layers below another one, as
// unpacking does: a layer may have a file in /tmp without an entry for /tmp,
// which then gets its attributes from below.
//
// A layer that is mounted is asked by its file table, never through its mount.
// A process that is killed while it waits for an answer of itself can neither
// die nor be followed by one that answers.
package below
