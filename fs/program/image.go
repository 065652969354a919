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

// Layer is a layer that is mounted lazily; *layer.Layer is one.
type Layer interface {
	Tree() *toc.Tree
	// Ahead fetches n bytes of file id at off; it returns when they are here.
	Ahead(ctx context.Context, id toc.NodeID, off, n int64) error
	// ReadAt fills p with the content of file id at off.
	ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error
}

// Image is the lazily mounted layers of an image, the topmost first.
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
	todo := strings.Split(name, "/")
	dir, links := "", 0 // dir is resolved, without slashes around it
	for len(todo) > 0 {
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

// lookup is what the topmost layer that has it has at a path relative to the
// root, and its file type; 0 if no layer has anything there.
func (im Image) lookup(name string) (f File, mode uint32) {
	for _, l := range im {
		node, ok := toc.RootID, true
		for part := range strings.SplitSeq(name, "/") {
			if node, ok = l.Tree().Lookup(node, part); !ok {
				break
			}
		}
		if ok {
			attr, _ := l.Tree().Attr(node)
			return File{Layer: l, Node: node, Path: "/" + name}, attr.Mode & unix.S_IFMT
		}
	}
	return File{}, 0
}
