// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"path"
	"slices"
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
	t := newTrail(im)
	for steps, links := 0, 0; len(todo) > 0 && steps < maxSteps; steps++ {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			t.back()
			continue
		}
		f, mode := t.step(part)
		switch mode {
		case unix.S_IFDIR:
		case unix.S_IFLNK:
			if links++; links > maxLinks {
				return File{}, false
			}
			target := f.Layer.Tree().Readlink(f.Node)
			if len(target) > maxPath {
				return File{}, false
			}
			if t.back(); path.IsAbs(target) {
				t = newTrail(im)
			}
			todo = append(strings.Split(target, "/"), todo...)
		case unix.S_IFREG:
			f.Path = t.path()
			return f, len(todo) == 0
		default:
			return File{}, false
		}
	}
	return File{}, false
}

// trail is the way from the root of an image to what was found, without symlinks.
type trail struct {
	image Image
	names []string
	// nodes are those of each layer in the root, in the first of names and so on, 0
	// where a layer has none.
	nodes []toc.NodeID
}

func newTrail(im Image) trail {
	return trail{image: im, nodes: slices.Repeat([]toc.NodeID{toc.RootID}, len(im))}
}

// step goes on to a name in the directory where t is. It returns what the topmost
// layer that has it has there, without its path, and its file type; 0 if no layer
// has anything there.
func (t *trail) step(name string) (f File, mode uint32) {
	dir := t.nodes[len(t.nodes)-len(t.image):]
	t.names = append(t.names, name)
	for i, l := range t.image {
		node, ok := l.Tree().Lookup(dir[i], name)
		t.nodes = append(t.nodes, node)
		if ok && mode == 0 {
			f, mode = File{Layer: l, Node: node}, kind(l.Tree(), node)
		}
	}
	return f, mode
}

// back is the opposite of the last step; in the root it is nothing.
func (t *trail) back() {
	if n := len(t.names); n > 0 {
		t.names, t.nodes = t.names[:n-1], t.nodes[:n*len(t.image)]
	}
}

func (t *trail) path() string { return "/" + strings.Join(t.names, "/") }

// isDir says whether a path relative to the root, without symlinks in it, is a
// directory in the topmost layer that has it.
func (im Image) isDir(name string) bool {
	for _, l := range im {
		if node, ok := walk(l.Tree(), name); ok {
			return kind(l.Tree(), node) == unix.S_IFDIR
		}
	}
	return false
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
