// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Unmount removes the mount from the mount table (lazily if it is busy) and
// ends the session. The last users have Options.UnmountGrace to leave; then
// they are cut off: reads are cancelled, and what is still open on the mount
// or on an overlay above answers ENOTCONN. When Unmount returns nil, Done is
// closed and no handler runs or will run. Idempotent; an error means that
// the mount table could not be changed, and the session is still served.
func (s *Session) Unmount() error { return s.unmount(s.loop.options.UnmountGrace) }

func (s *Session) unmount(grace time.Duration) error {
	var group errgroup.Group
	for _, k := range s.kin {
		group.Go(func() error { return k.unmount(grace) })
	}
	return errors.Join(s.unmountAlone(grace), group.Wait())
}

func (s *Session) unmountAlone(grace time.Duration) error {
	if s.left.Load() {
		<-s.done
		return nil
	}
	if err := s.detachMount(); err != nil {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
	}
	s.end()
	<-s.done
	return nil
}

// detachMount takes the mount out of the mount table, once.
func (s *Session) detachMount() error {
	s.detach.Lock()
	defer s.detach.Unlock()
	if s.detached {
		return nil
	}
	if !s.mounted() {
		s.detached = true // somebody else unmounted it, or mounted over it
		return nil
	}
	err := unix.Unmount(s.mountpoint, unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(s.mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", s.mountpoint, err)
	}
	s.detached = true
	return nil
}

// identify notes which mount is ours, and its device.
func (s *Session) identify(r *record) error {
	r.Mountpoint = s.mountpoint
	if s.root != nil { // mountAbove says which mount shows it
		st, err := statMount(int(s.root.Fd()), "")
		r.Major, r.Minor = st.Dev_major, st.Dev_minor
		return err
	}
	st, err := s.statMount()
	r.MountID, r.Major, r.Minor = st.Mnt_id, st.Dev_major, st.Dev_minor
	return err
}

// mounted says whether our mount is still what is found at the mountpoint.
func (s *Session) mounted() bool {
	st, err := s.statMount()
	return err == nil && st.Mnt_id == s.state.mountID()
}

func (s *Session) statMount() (unix.Statx_t, error) { return statMount(unix.AT_FDCWD, s.mountpoint) }

// statMount asks the kernel only, so it works whether or not anybody serves:
// cached attributes will do.
func statMount(dir int, path string) (unix.Statx_t, error) {
	var st unix.Statx_t
	flags := unix.AT_STATX_DONT_SYNC | unix.AT_SYMLINK_NOFOLLOW | unix.AT_EMPTY_PATH
	// The kernel reuses its short mount ids at once; the unique ones, of
	// Linux 6.8, it does not. Older kernels answer with the short one.
	mask := unix.STATX_MNT_ID | unix.STATX_MNT_ID_UNIQUE
	if err := unix.Statx(dir, path, flags, mask, &st); err != nil {
		return st, fmt.Errorf("statx %s: %w", path, err)
	}
	return st, nil
}
