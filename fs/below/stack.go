// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package below

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Directory is what a directory shows.
type Directory struct {
	// Mode is 07777 at most.
	Mode         uint32
	UID, GID     uint32
	Atime, Mtime unix.Timespec
	// Xattrs are those that unpacking copies: without trusted ones.
	Xattrs []toc.Xattr
}

// Layer finds a directory of a layer by its slash separated path; "." is the
// root. It treats symbolic links as a container would that has the layer as its
// root. Errors match [unix.ENOENT] for what is not there, and [unix.ENOTDIR]
// if something else is.
type Layer func(path string) (Directory, error)

// Stack is layers, the uppermost first. It is used by one goroutine at a time.
type Stack struct {
	layers []Layer
	absent []string // for each the directory that was missing last
}

// New makes a stack.
func New(layers []Layer) *Stack {
	return &Stack{layers: layers, absent: make([]string, len(layers))}
}

// Root is the root directory of the uppermost layer; there must be one.
func (s *Stack) Root() (Directory, error) { return s.layers[0](".") }

// Find finds a directory the way unpacking does (package archive of containerd,
// WithParents): the uppermost that has it counts; ok is false if none has, or
// if the uppermost has something else, such as a whiteout.
func (s *Stack) Find(path string) (d Directory, ok bool, err error) {
	for i, layer := range s.layers {
		if gone := s.absent[i]; gone != "" && strings.HasPrefix(path, gone+"/") {
			continue // as is the directory around it
		}
		d, err := layer(path)
		switch {
		case errors.Is(err, unix.ENOENT):
			s.absent[i] = path
		case errors.Is(err, unix.ENOTDIR):
			return Directory{}, false, nil
		default:
			return d, err == nil, err
		}
	}
	return Directory{}, false, nil
}
