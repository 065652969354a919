// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"
	"os"
)

// Keeper is somebody outside this process who holds the files of sessions, so
// that mounts outlive it. Safe for concurrent use; no call waits for long.
type Keeper interface {
	// Hold duplicates files to the keeper, instead of what it has under that
	// name. They are there when Hold returns, even if this process dies.
	Hold(name string, files ...*os.File) error
	// Drop has the keeper close what it holds under a name.
	Drop(name string) error
}

// Inherited are files that a keeper held, in any order.
type Inherited struct {
	Name  string
	Files []*os.File
}

// hold gives the session to the keeper. Without one, mounts end with the
// process.
func (s *Session) hold() {
	k := s.loop.options.Keeper
	if k == nil || s.state.Identity == "" {
		return
	}
	name := fmt.Sprintf("fuse-%d", s.state.Minor) // one connection a device
	if err := k.Hold(name, s.file, s.state.file); err != nil {
		s.log().WithError(err).Error("mount is not kept, it ends with this process")
		return
	}
	s.held = name
}

// unhold takes the session back from the keeper, unless a successor is to
// have it: the connection would not end while the keeper has the descriptor.
func (s *Session) unhold() {
	if s.held == "" || s.left.Load() {
		return
	}
	if err := s.loop.options.Keeper.Drop(s.held); err != nil {
		s.log().WithError(err).Error("keeper does not give up a mount")
	}
}
