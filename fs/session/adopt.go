// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"
	"os"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// adoptAll takes over the orphans of o.Identity: the one that is mounted at
// mountpoint, if there is one, and kin, which have left the mount table but
// are in use by overlays.
func (l *Loop) adoptAll(mountpoint string, raw fuse.RawFileSystem, o MountOptions) (mounted *Session, kin []*Session) {
	if o.Identity == "" {
		return nil, nil
	}
	for _, or := range l.takeOrphans(func(or orphan) bool { return or.state.Identity == o.Identity }) {
		s, err := l.adopt(or, raw, o)
		switch {
		case err != nil:
			s.log().WithError(err).Error("mount of a predecessor is given up")
			s.giveUp()
		case mounted == nil && s.mountpoint == mountpoint && s.mounted():
			mounted = s
		default:
			kin = append(kin, s)
		}
	}
	return mounted, kin
}

// adopt serves an orphan on: the protocol server learns from the kept INIT
// what was agreed on, and the kernel sends again what the predecessor had
// read and not answered.
func (l *Loop) adopt(or orphan, raw fuse.RawFileSystem, o MountOptions) (*Session, error) {
	switch { // as it was agreed on
	case or.state.Nodes == 0:
		o.Backing = nil
	case o.Backing == nil:
		o.Backing = noBacking
	}
	s := l.newSession(or.state.Mountpoint, raw, o)
	s.state, s.held = or.state, or.name
	s.fd, s.file = or.device, os.NewFile(uintptr(or.device), "/dev/fuse")
	s.primed.Store(true) // the kernel keeps what it learned
	s.findIdle()
	var answer [replySlack]byte
	if n, st := s.call(initWith(or.state.Init, or.state.Flags), answer[:]); !st.Ok() || initFlags(answer[:n]) != or.state.Flags {
		return s, fmt.Errorf("INIT replayed: %v, capabilities %#x, want %#x", st, initFlags(answer[:n]), or.state.Flags)
	}
	if s.agreed(fuse.CAP_HAS_RESEND) {
		if _, err := unix.Write(s.fd, newResend()); err != nil {
			return s, fmt.Errorf("ask for requests again: %w", err)
		}
	}
	return s, s.serveOn()
}

// giveUp ends a session that adopt could not serve.
func (s *Session) giveUp() {
	s.unhold()
	_ = s.file.Close()
	s.state.close()
}

// findIdle takes over the backing ids that no open file has.
func (s *Session) findIdle() {
	for node := range uint64(s.state.Nodes) {
		if v := s.state.opens(node).Load(); v != 0 && uint32(v) == 0 {
			s.keepID(node)
		}
	}
}
