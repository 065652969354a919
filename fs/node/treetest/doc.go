// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package treetest is the truth about file systems in tests: Compare walks
// two directories and reports every way in which they differ, Entries turns a
// tar stream into what an index would hold, and OddLayers are tar streams full
// of what layers may contain.
package treetest
