// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"strings"
)

// checkTarget says why a symlink cannot have this target.
func checkTarget(target string) string {
	switch {
	case target == "":
		return "symlink without target"
	case len(target) > MaxTarget:
		return fmt.Sprintf("symlink target of %d bytes, at most %d allowed", len(target), MaxTarget)
	case strings.IndexByte(target, 0) >= 0:
		return "symlink target contains a NUL byte"
	}
	return ""
}

// missing stands for a node that does not exist.
const missing = ^uint32(0)

// linkTarget finds the node that a hard link names. The name is taken relative
// to the root, dots are resolved by name and bound to the root, and missing
// directories that a dot-dot leaves again do not matter: so does an unpack. A
// symlink is a target like any other but never followed.
func (b *builder) linkTarget(linkname string) (uint32, string) {
	switch {
	case strings.IndexByte(linkname, 0) >= 0:
		return 0, "hard link target contains a NUL byte"
	case len(linkname) > MaxPath:
		return 0, fmt.Sprintf("hard link target of %d bytes, at most %d allowed", len(linkname), MaxPath)
	}
	trail := []uint32{draftRoot}
	for rest := linkname; rest != ""; {
		var name string
		var more bool
		name, rest, more = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			trail = trail[:max(1, len(trail)-1)]
			continue
		}
		node, reason := b.step(trail[len(trail)-1], name)
		if reason == "" && more && node != missing && b.drafts[node].isSymlink() {
			reason = "leads through a symlink"
		}
		if reason != "" {
			return 0, fmt.Sprintf("hard link target %s %s", shown(linkname), reason)
		}
		trail = append(trail, node)
	}
	switch node := trail[len(trail)-1]; {
	case node == missing:
		return 0, fmt.Sprintf("hard link target %s is not earlier in the layer", shown(linkname))
	case b.drafts[node].isDir():
		return 0, fmt.Sprintf("hard link target %s is a directory", shown(linkname))
	default:
		return node, ""
	}
}

// step is the node that name has in dir, or missing.
func (b *builder) step(dir uint32, name string) (node uint32, reason string) {
	switch {
	case len(name) > MaxName:
		return 0, fmt.Sprintf("has a component of %d bytes", len(name))
	case dir == missing:
		return missing, ""
	case !b.drafts[dir].isDir():
		return 0, "leads through a file"
	}
	if s, ok := b.byKey[key{dir, name}]; ok {
		return b.slots[s].node, ""
	}
	return missing, ""
}
