// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import "github.com/spryd/spry/index/toc"

// ParseMount exposes the reading of mountinfo.
func ParseMount(line string) (mountpoint, fsType string) { return parseMount(line) }

// PrefersPassthrough exposes how a layer is opened.
func PrefersPassthrough(tree *toc.Tree) bool { return prefersPassthrough(tree) }
