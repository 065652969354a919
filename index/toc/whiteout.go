// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import "strings"

// Names of the layer format that stand for removals (OCI image specification,
// layer.md, "Whiteouts"), and how overlayfs stores an opaque directory (kernel
// documentation, filesystems/overlayfs).
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"

	opaqueXattr = "trusted.overlay.opaque"
	opaqueValue = "y"
)

// whiteout applies e if base is a whiteout's name, whatever e's type. Names of
// aufs metadata (.wh..wh.plnk) are whiteouts like others for an unpack: they
// end up as harmless devices named .wh.plnk.
func (b *builder) whiteout(parent uint32, base string, e *Entry) (done bool, reason string) {
	if base == opaqueName {
		b.drafts[parent].putXattr(opaqueXattr, opaqueValue)
		return true, ""
	}
	name, ok := strings.CutPrefix(base, whiteoutPrefix)
	if !ok {
		return false, ""
	}
	if name == "" || name == "." || name == ".." {
		return true, "whiteout of no name"
	}
	if _, exists := b.byKey[key{parent, name}]; exists {
		return true, "whiteout of a name that the layer itself has"
	}
	node := b.addDraft(parent, draft{mode: modeChar, nlink: 1, mtime: mtime(e), first: none, entry: b.at})
	b.drafts[node].chown(e)
	b.addName(parent, name, node)
	return true, ""
}
