// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountDetached makes a mount that is in no mount table, and opens its root: it is there as
// long as that is open, or a file of it.
func mountDetached(source string, options []string) (*os.File, error) {
	fs, err := unix.Fsopen("fuse", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen: %w", err)
	}
	defer func() { _ = unix.Close(fs) }()
	for _, o := range append(options, "source="+source, "subtype=spry", "ro") {
		name, value, ok := strings.Cut(o, "=")
		if ok {
			err = unix.FsconfigSetString(fs, name, value)
		} else {
			err = unix.FsconfigSetFlag(fs, name)
		}
		if err != nil {
			return nil, fmt.Errorf("fsconfig %s: %w", name, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("fsconfig create: %w", err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("fsmount: %w", err)
	}
	return os.NewFile(uintptr(root), "root of "+source), nil
}

// mountAbove mounts what shows the session, which is served and kept by now: what opens
// its files waits for this process, and if that is killed for the keeper.
func (s *Session) mountAbove(o MountOptions) error {
	s.primed.Store(true)
	err := o.Above(fmt.Sprintf("/proc/self/fd/%d", s.root.Fd()), s.mountpoint)
	if err == nil {
		err = s.noteAbove()
	}
	if err != nil {
		s.closeRoot()
		s.end()
		<-s.done
	}
	return err
}

// noteAbove notes which mount shows the session.
func (s *Session) noteAbove() error {
	st, err := s.statMount()
	if err == nil {
		s.state.setAbove(st.Mnt_id)
	}
	return err
}

// closeRoot lets the mount go with what is open on it.
func (s *Session) closeRoot() {
	if s.root != nil {
		_ = s.root.Close()
		s.root = nil
	}
}
