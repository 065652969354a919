// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// maxLinks is how many symbolic links a path may lead over, as in Linux.
const maxLinks = 40

// ErrLoop says that a path leads over too many symbolic links.
var ErrLoop = errors.New("too many symbolic links")

// Lookup finds the regular file that a path leads to, over symbolic links
// that stay in the layer. A missing file matches fs.ErrNotExist.
func Lookup(tree *toc.Tree, name string) (toc.NodeID, error) {
	at := toc.RootID
	todo := split(name)
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			at = tree.Parent(at)
			continue
		}
		next, ok := tree.Lookup(at, part)
		if !ok {
			return 0, fmt.Errorf("%s: %s: %w in this layer", name, path.Join("/", tree.Path(at), part), fs.ErrNotExist)
		}
		if !isType(tree, next, unix.S_IFLNK) {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return 0, fmt.Errorf("%s: %w", name, ErrLoop)
		}
		target := tree.Readlink(next)
		if strings.HasPrefix(target, "/") {
			at = toc.RootID
		}
		todo = append(split(target), todo...)
	}
	if !isType(tree, at, unix.S_IFREG) {
		return 0, fmt.Errorf("%s: not a regular file", name)
	}
	return at, nil
}

func isType(tree *toc.Tree, id toc.NodeID, typ uint32) bool {
	a, ok := tree.Attr(id)
	return ok && a.Mode&unix.S_IFMT == typ
}

// split cuts a path into names and "..", without empty ones and ".".
func split(name string) []string {
	var out []string
	for _, p := range strings.Split(name, "/") {
		if p != "" && p != "." {
			out = append(out, p)
		}
	}
	return out
}
