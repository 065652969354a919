// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"

	"github.com/spryd/spry/fs/detached"
)

// mountAbove mounts what shows the session, which is served and kept by now: what opens
// its files waits for this process, and if that is killed for the keeper. Which mount it is is
// noted before it can be seen, as a successor has to know it.
func (s *Session) mountAbove(o MountOptions) error {
	s.primed.Store(true)
	err := s.attachAbove(o)
	if err != nil {
		s.closeRoot()
		s.end()
		<-s.done
	}
	return err
}

func (s *Session) attachAbove(o MountOptions) error {
	above, err := o.Above(fmt.Sprintf("/proc/self/fd/%d", s.root.Fd()))
	if err != nil {
		return err
	}
	defer func() { _ = above.Close() }()
	st, err := statMount(int(above.Fd()), "")
	if err != nil {
		return err
	}
	s.state.setAbove(st.Mnt_id)
	return detached.Attach(above, s.mountpoint)
}

// closeRoot lets the mount go with what is open on it.
func (s *Session) closeRoot() {
	if s.root != nil {
		_ = s.root.Close()
		s.root = nil
	}
}
