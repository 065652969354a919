// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// maxLinks is how many symlinks are followed to find a file, as in the kernel.
const maxLinks = 40

// maxPath bounds a path, in bytes, as in the kernel, and maxSteps how many names
// are walked to find a file, those in the targets of symlinks included.
const (
	maxPath  = 4096
	maxSteps = 512
)

// Layer is a layer of an image: one that is mounted lazily, or one that is in
// memory.
type Layer interface {
	Tree() *toc.Tree
	// Ahead fetches n bytes of file id at off; it returns when they are here.
	Ahead(ctx context.Context, id toc.NodeID, off, n int64) error
	// Around is what a read at off of file id, which is not fetched whole, brings
	// here if it misses: n bytes at from.
	Around(id toc.NodeID, off int64) (from, n int64)
	// ReadAt fills p with the content of file id at off.
	ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error
	// Follow says whether it is called for file id the first time: what a file
	// needs is fetched once.
	Follow(id toc.NodeID) bool
}

// Image is those layers of an image that are looked into, the topmost first.
type Image []Layer

// File is a regular file of an image. Path begins with a slash and leads through
// no symlink.
type File struct {
	Layer Layer
	Node  toc.NodeID
	Path  string
}

// Find follows a path from the root of the image to a regular file, through
// symlinks. Whiteouts are not looked at: what an upper layer removed is found.
func (im Image) Find(name string) (f File, ok bool) {
	if len(name) > maxPath {
		return File{}, false
	}
	todo := strings.Split(name, "/")
	dir, links := "", 0 // dir is resolved, without slashes around it
	for steps := 0; len(todo) > 0 && steps < maxSteps; steps++ {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			dir = strings.TrimPrefix(path.Dir("/"+dir), "/")
			continue
		}
		at := path.Join(dir, part)
		f, mode := im.lookup(at)
		switch mode {
		case unix.S_IFDIR:
			dir = at
		case unix.S_IFLNK:
			if links++; links > maxLinks {
				return File{}, false
			}
			target := f.Layer.Tree().Readlink(f.Node)
			if len(target) > maxPath {
				return File{}, false
			}
			if path.IsAbs(target) {
				dir = ""
			}
			todo = append(strings.Split(target, "/"), todo...)
		case unix.S_IFREG:
			return f, len(todo) == 0
		default:
			return File{}, false
		}
	}
	return File{}, false
}

// named is a regular file or a directory, by its name in a directory.
type named struct {
	File
	name  string
	isDir bool
}

// list are the regular files and directories in directory dir, which has no
// symlinks in its path, at most limit: those of a layer by name, the topmost
// layer's first. Names that are symlinks to regular files have these.
func (im Image) list(dir string, limit int) (all []named) {
	seen := make(map[string]bool)
	for _, l := range im {
		node, ok := walk(l.Tree(), strings.Trim(dir, "/"))
		if !ok {
			continue
		}
		for i := range l.Tree().Children(node) {
			if len(seen) >= limit {
				return all
			}
			name, child := l.Tree().Child(node, i)
			if seen[name] {
				continue
			}
			seen[name] = true
			f := File{Layer: l, Node: child, Path: path.Join("/", dir, name)}
			mode := kind(l.Tree(), child)
			if mode == unix.S_IFLNK {
				if f, ok = im.Find(f.Path); !ok {
					continue
				}
				mode = unix.S_IFREG
			}
			if mode == unix.S_IFREG || mode == unix.S_IFDIR {
				all = append(all, named{f, name, mode == unix.S_IFDIR})
			}
		}
	}
	return all
}

// lookup is what the topmost layer that has it has at a path relative to the
// root, and its file type; 0 if no layer has anything there.
func (im Image) lookup(name string) (f File, mode uint32) {
	for _, l := range im {
		if node, ok := walk(l.Tree(), name); ok {
			return File{Layer: l, Node: node, Path: "/" + name}, kind(l.Tree(), node)
		}
	}
	return File{}, 0
}

// walk finds the node at a path relative to the root, "" for that. It follows no
// symlink.
func walk(tree *toc.Tree, name string) (node toc.NodeID, ok bool) {
	node = toc.RootID
	if name == "" {
		return node, true
	}
	for part := range strings.SplitSeq(name, "/") {
		if node, ok = tree.Lookup(node, part); !ok {
			return 0, false
		}
	}
	return node, true
}

// kind is the file type of a node.
func kind(tree *toc.Tree, node toc.NodeID) uint32 {
	attr, _ := tree.Attr(node)
	return attr.Mode & unix.S_IFMT
}
