// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/index/toc"
)

// ParseMount exposes the reading of mountinfo.
func ParseMount(line string) (mountpoint, fsType string) { return parseMount(line) }

// PrefersPassthrough exposes how a layer is opened.
func PrefersPassthrough(tree *toc.Tree) bool { return prefersPassthrough(tree) }

// Implied exposes which directories of a layer need a look below.
func Implied(ctx context.Context, f *FileSystem, d digest.Digest) ([]string, error) {
	implied, _, err := f.directories(ctx, d)
	return implied, err
}

// Rest gives memory back, as when nothing was fetched for a while.
func (f *FileSystem) Rest() { f.rest() }

// CheckFits exposes the comparison of Fits.
func CheckFits(ctx context.Context, dirs []string, stack *below.Stack) error {
	return fits(ctx, dirs, stack)
}
