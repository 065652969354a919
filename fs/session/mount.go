// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// FSType is the type of our mounts in /proc/mounts.
	FSType = "fuse.spry"
	// DefaultSource is what /proc/mounts shows as the source.
	DefaultSource = "spry"
	// DefaultReadAhead is the readahead of a mount in bytes. INIT cannot ask
	// for more than 128 KiB; sysfs can.
	DefaultReadAhead = 1 << 20
)

// MountOptions of one session. The zero value means the defaults.
type MountOptions struct {
	// Source is shown in /proc/mounts; "" is DefaultSource.
	Source string
	// ReadAhead in bytes; 0 is DefaultReadAhead. Best effort.
	ReadAhead int
}

// mountFlags: read-only, which also keeps the kernel from asking for
// attributes again after reads (atime). Neither MS_NOSUID nor MS_NODEV:
// overlayfs ignores them on a lower layer, but a bind mount of a layer (a
// view of a one-layer image) inherits them.
const mountFlags = unix.MS_RDONLY

// Mount mounts raw at the directory mountpoint, which is served when Mount
// returns. Of raw's methods only Read may block, and it returns soon after
// its cancel channel is closed; all may be called concurrently, after Mount
// began and until Done is closed.
func (l *Loop) Mount(mountpoint string, raw fuse.RawFileSystem, o MountOptions) (*Session, error) {
	mountpoint, err := filepath.Abs(mountpoint)
	if err != nil {
		return nil, fmt.Errorf("mount fuse: %w", err)
	}
	s := &Session{loop: l, mountpoint: mountpoint, refs: 1, fd: -1,
		done: make(chan struct{}), reading: make(map[uint64]struct{})}
	s.raw = &guard{RawFileSystem: raw, session: s}
	s.server = fuse.NewProtocolServer(s.raw, s.protocolOptions())
	if err := s.mount(o); err != nil {
		return nil, fmt.Errorf("mount fuse on %s: %w", mountpoint, err)
	}
	major, minor, err := s.start()
	if err != nil {
		_ = unix.Unmount(mountpoint, unix.MNT_DETACH)
		_ = s.file.Close()
		return nil, fmt.Errorf("start fuse on %s: %w", mountpoint, err)
	}
	s.prime()
	s.raiseReadAhead(major, minor, o.ReadAhead)
	return s, nil
}

func (s *Session) mount(o MountOptions) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/fuse: %w", err)
	}
	options := strings.Join([]string{
		fmt.Sprintf("fd=%d", fd), "rootmode=40000", "user_id=0", "group_id=0",
		"allow_other", "default_permissions", fmt.Sprintf("max_read=%d", MaxRead),
	}, ",")
	source := o.Source
	if source == "" {
		source = DefaultSource
	}
	if err := unix.Mount(source, s.mountpoint, FSType, mountFlags, options); err != nil {
		_ = unix.Close(fd)
		return err
	}
	s.fd, s.file = fd, os.NewFile(uintptr(fd), "/dev/fuse")
	return nil
}

// start answers INIT and serves the mount. It returns its device number.
func (s *Session) start() (major, minor uint32, err error) {
	if major, minor, err = s.identify(); err != nil {
		return 0, 0, err
	}
	if err = s.handshake(); err != nil {
		return 0, 0, err
	}
	if s.conn, err = s.file.SyscallConn(); err != nil {
		return 0, 0, err
	}
	return major, minor, s.loop.start(s)
}
