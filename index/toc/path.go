// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"path"
	"strings"
)

// cleanPath is the path that an unpack gives an entry name: cleaned, and bound
// to the root. It is "" for the root itself.
func cleanPath(name string) (clean, reason string) {
	if strings.IndexByte(name, 0) >= 0 {
		return "", "name contains a NUL byte"
	}
	clean = strings.TrimPrefix(path.Clean(name), "/")
	for strings.HasPrefix(clean, "../") {
		clean = clean[len("../"):]
	}
	if clean == "." || clean == ".." {
		clean = ""
	}
	if len(clean) > MaxPath {
		return "", fmt.Sprintf("path of %d bytes, at most %d allowed", len(clean), MaxPath)
	}
	for rest := clean; rest != ""; {
		var name string
		if name, rest, _ = strings.Cut(rest, "/"); len(name) > MaxName {
			return "", fmt.Sprintf("path component of %d bytes, at most %d allowed", len(name), MaxName)
		}
	}
	return clean, ""
}

// splitPath cuts a clean path into its directory, "" for the root, and name.
func splitPath(clean string) (dir, base string) {
	if i := strings.LastIndexByte(clean, '/'); i >= 0 {
		return clean[:i], clean[i+1:]
	}
	return "", clean
}

// makeParents finds the directory at a clean path and makes what is missing.
func (b *builder) makeParents(dir string, e *Entry) (uint32, string) {
	if dir == "" {
		return draftRoot, ""
	}
	if dir == b.lastDir {
		return b.lastNode, ""
	}
	node := draftRoot
	for rest := dir; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		s, ok := b.byKey[key{node, name}]
		if !ok {
			var reason string
			if node, reason = b.implyDir(node, name, e); reason != "" {
				return 0, reason
			}
			continue
		}
		node = b.slots[s].node
		if !b.drafts[node].isDir() {
			return 0, fmt.Sprintf("parent %s is %s", shown(strings.TrimSuffix(dir[:len(dir)-len(rest)], "/")), b.drafts[node].kind())
		}
	}
	b.lastDir, b.lastNode = dir, node
	return node, ""
}

// implyDir makes a directory that e needs and no entry described yet.
func (b *builder) implyDir(parent uint32, name string, e *Entry) (uint32, string) {
	if b.imply--; b.imply < 0 {
		return 0, "too many missing parents"
	}
	d := draft{mode: modeDir | 0o755, nlink: 1, implied: true, mtime: mtime(e), first: none, entry: b.at}
	node := b.addDraft(parent, d)
	b.addName(parent, name, node)
	return node, ""
}

// settleDirs gives directories their times once more, by path, as an unpack
// does after the last entry: if something else has taken a directory's name it
// gets the directory's time. It returns the entry that does not resolve.
func (b *builder) settleDirs(entries []Entry) (int, string) {
	if !b.lostDir {
		return 0, ""
	}
	for i := range entries {
		e := &entries[i]
		if e.Type != Directory {
			continue
		}
		clean, _ := cleanPath(e.Name)
		if _, base := splitPath(clean); clean == "" || strings.HasPrefix(base, whiteoutPrefix) {
			continue
		}
		node := draftRoot
		for rest := clean; rest != ""; {
			var name string
			name, rest, _ = strings.Cut(rest, "/")
			s, ok := b.byKey[key{node, name}]
			if !ok {
				return i, "directory is gone at the end of the layer"
			}
			if node = b.slots[s].node; b.drafts[node].isSymlink() {
				return i, "directory has become a symlink by the end of the layer"
			}
		}
		b.drafts[node].mtime = mtime(e)
	}
	return 0, ""
}

// kind names a node's type for an error.
func (d *draft) kind() string {
	switch d.mode & modeType {
	case modeSymlink:
		return "a symlink"
	case modeRegular:
		return "a regular file"
	case modeDir:
		return "a directory"
	}
	return "a special file"
}
