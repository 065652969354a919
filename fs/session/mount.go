// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/detached"
)

const (
	// FSType is the type of our mounts in /proc/mounts.
	FSType = "fuse.spry"
	// DefaultSource is what /proc/mounts shows as the source.
	DefaultSource = "spry"
	// LargestReadAhead is a readahead, in bytes, for mounts whose reads are
	// cheap: sequential reads of local data are twice as fast as with the
	// 128 KiB that a mount begins with.
	LargestReadAhead = 1 << 20
)

// MountOptions of one session. The zero value means the defaults.
type MountOptions struct {
	// Source is shown in /proc/mounts; "" is DefaultSource.
	Source string
	// ReadAhead in bytes; 0 is the kernel's default of 128 KiB. Best effort.
	ReadAhead int
	// Identity names what is mounted, node ids included, for a successor
	// process: see Orphans. A session without one is not given to the keeper.
	Identity string
	// NoOpen says that the file system answers ENOSYS to OPEN.
	NoOpen bool
	// Nodes is how many node ids there are, from 1 on; for Backing.
	Nodes int
	// Backing, if set, opens the file whose bytes are those of a node, if
	// there is one and it is complete; the session closes it. Where the
	// kernel has passthrough such files are read without us. Safe for
	// concurrent use; it must not block on the network.
	Backing func(node uint64) (*os.File, bool)
	// Intact, if set, says whether the file that Backing opened still holds what
	// it held, when a node is opened again, and sees to it that it will. Until
	// then an OPEN waits if the node is open, for OpenWait at most, and fails with
	// EIO; otherwise Backing is asked anew. The same rules hold for it.
	Intact   func(node uint64) bool
	OpenWait time.Duration
	// AtOnce, if set, says whether a READ of n bytes will need neither network
	// nor disk. It is then served where it was received, and no other goroutine has to be
	// made the leader. Safe for concurrent use; it must not block.
	AtOnce func(node, offset uint64, n uint32) bool
	// Above, if set, makes the mount that is attached to the mountpoint (package detached). It
	// has the root of the file system open, a regular file, which it finds at a path that is good
	// for as long as it runs; the file system itself is mounted nowhere and ends with that
	// mount. Passthrough is not used.
	Above func(root string) (*os.File, error)
}

// mountFlags: read-only, which also keeps the kernel from asking for
// attributes again after reads (atime). Neither MS_NOSUID nor MS_NODEV:
// overlayfs ignores them on a lower layer, but a bind mount of a layer (a
// view of a one-layer image) inherits them.
const mountFlags = unix.MS_RDONLY

// Mount mounts raw at the directory mountpoint, which is served when Mount
// returns. Of raw's methods only Read may block, and it returns soon after
// its cancel channel is closed; all may be called concurrently, after Mount
// began and until Done is closed. A mount that a predecessor left there, with
// the same identity, is taken over instead.
func (l *Loop) Mount(mountpoint string, raw fuse.RawFileSystem, o MountOptions) (*Session, error) {
	mountpoint, err := filepath.Abs(mountpoint)
	if err != nil {
		return nil, fmt.Errorf("mount fuse: %w", err)
	}
	s, kin := l.adoptAll(mountpoint, raw, o)
	if s == nil {
		s, err = l.mount(mountpoint, raw, o)
	}
	if err != nil {
		for _, k := range kin {
			_ = k.unmount(0)
		}
		return nil, err
	}
	s.kin = kin
	return s, nil
}

// TakeOver is Mount for what predecessors left with o.Identity, without a new
// mount where there is none any more: their users are served. It is an error if
// they left nothing.
func (l *Loop) TakeOver(mountpoint string, raw fuse.RawFileSystem, o MountOptions) (*Session, error) {
	s, kin := l.adoptAll(mountpoint, raw, o)
	if s == nil {
		if len(kin) == 0 {
			return nil, fmt.Errorf("take over %s: nothing was left", mountpoint)
		}
		s, kin = kin[0], kin[1:]
	}
	s.kin = kin
	return s, nil
}

// mount makes a new mount.
func (l *Loop) mount(mountpoint string, raw fuse.RawFileSystem, o MountOptions) (*Session, error) {
	s := l.newSession(mountpoint, raw, o)
	if err := s.mount(o); err != nil {
		return nil, fmt.Errorf("mount fuse on %s: %w", mountpoint, err)
	}
	defer s.closeRoot()
	if err := s.start(o); err != nil {
		if s.root == nil {
			_ = unix.Unmount(mountpoint, unix.MNT_DETACH)
		}
		s.unhold()
		_ = s.file.Close()
		s.state.close()
		return nil, fmt.Errorf("start fuse on %s: %w", mountpoint, err)
	}
	if o.Above != nil {
		if err := s.mountAbove(o); err != nil {
			return nil, fmt.Errorf("mount above fuse on %s: %w", mountpoint, err)
		}
		return s, nil
	}
	if l.options.ReadsOwn {
		s.prime()
	}
	s.primed.Store(true)
	if o.ReadAhead > 0 {
		s.SetReadAhead(o.ReadAhead)
	}
	return s, nil
}

// newSession makes a session without a descriptor.
func (l *Loop) newSession(mountpoint string, raw fuse.RawFileSystem, o MountOptions) *Session {
	if o.Above != nil {
		o.Backing = nil
	}
	s := &Session{loop: l, mountpoint: mountpoint, above: o.Above != nil, backing: o.Backing, intact: o.Intact, openWait: o.OpenWait, atOnce: o.AtOnce, refs: 1, fd: -1,
		done: make(chan struct{}), reading: make(map[uint64]uint32)}
	s.raw = &guard{RawFileSystem: raw, session: s}
	s.server = fuse.NewProtocolServer(s.raw, s.protocolOptions())
	return s
}

func (s *Session) mount(o MountOptions) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/fuse: %w", err)
	}
	source := cmp.Or(o.Source, DefaultSource)
	rootType := uint32(unix.S_IFDIR)
	if o.Above != nil {
		rootType = unix.S_IFREG
	}
	options := []string{
		fmt.Sprintf("fd=%d", fd), fmt.Sprintf("rootmode=%o", rootType), "user_id=0", "group_id=0",
		"allow_other", "default_permissions", fmt.Sprintf("max_read=%d", MaxRead),
	}
	if o.Above != nil {
		s.root, err = detached.Mount("fuse", append(options, "source="+source, "subtype=spry")...)
	} else {
		err = unix.Mount(source, s.mountpoint, FSType, mountFlags, strings.Join(options, ","))
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	s.fd, s.file = fd, os.NewFile(uintptr(fd), "/dev/fuse") // not before: an unmounted one cannot be polled
	return nil
}

// start answers INIT and serves the mount.
func (s *Session) start(o MountOptions) error {
	r := record{Identity: o.Identity, NoOpen: o.NoOpen, Above: o.Above != nil}
	if err := s.identify(&r); err != nil {
		return err
	}
	if err := s.handshake(&r); err != nil {
		return err
	}
	if r.Flags&fuse.CAP_PASSTHROUGH != 0 {
		r.Nodes = o.Nodes + 1 // from 0 on
	} else {
		s.backing = nil
	}
	var err error
	if s.state, err = newState(r); err != nil {
		return err
	}
	s.hold() // before anybody can see the session end
	return s.serveOn()
}

// serveOn starts to serve the descriptor.
func (s *Session) serveOn() (err error) {
	if s.conn, err = s.file.SyscallConn(); err != nil {
		return err
	}
	return s.loop.start(s)
}
