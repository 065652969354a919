// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/session"
)

// Settle gives up the mounts of a predecessor that belong to no layer any
// more; who uses them gets ENOTCONN. Call it when every owner was restored.
// The mounts of a layer that could not be restored wait until it can be.
func (f *FileSystem) Settle() {
	f.options.Session.Abandon(func(o session.Orphan) bool {
		layer, _, _ := strings.Cut(o.Identity, " ")
		return f.entry(digest.Digest(layer)) != nil
	})
}

// kept says whether what is mounted there waits to be taken over.
func (f *FileSystem) kept(mountpoint string) bool {
	for _, o := range f.options.Session.Orphans() {
		if o.Mountpoint == mountpoint {
			return true
		}
	}
	return false
}
