// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Support is what the kernel can do here, found out by trying.
type Support struct {
	// Passthrough is nil if complete files can be read without us
	// (FUSE_PASSTHROUGH, Linux 6.9), else why not.
	Passthrough error
	// Resend is true if requests that a dead process had read are sent again
	// to its successor (FUSE_NOTIFY_RESEND, Linux 6.9).
	Resend bool
}

// probeName begins the name of the directory of a probe, with its mountpoint m.
const probeName = ".probe"

// ProbePattern is of the directories of other probes, that Probe removes: their
// mountpoint is m as well.
const ProbePattern = probeName + "*"

var errNotProbed = errors.New("not probed")

// Support is what Probe found last; before, passthrough is unsupported.
func (l *Loop) Support() Support {
	if s := l.support.Load(); s != nil {
		return *s
	}
	return Support{Passthrough: errNotProbed}
}

// Probe finds out what the kernel supports for backing files in dir, by a
// mount of its own in it, for a moment. Nobody else may probe there.
func (l *Loop) Probe(dir string) (Support, error) {
	removeProbes(dir)
	tmp, err := os.MkdirTemp(dir, probeName)
	if err != nil {
		return Support{}, fmt.Errorf("probe fuse: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	at := filepath.Join(tmp, "m")
	if err := os.Mkdir(at, 0o700); err != nil {
		return Support{}, fmt.Errorf("probe fuse: %w", err)
	}
	f, err := os.Create(filepath.Join(tmp, "f"))
	if err != nil {
		return Support{}, fmt.Errorf("probe fuse: %w", err)
	}
	defer func() { _ = f.Close() }()
	s, err := l.Mount(at, fuse.NewDefaultRawFileSystem(), MountOptions{Backing: noBacking})
	if err != nil {
		return Support{}, fmt.Errorf("probe fuse: %w", err)
	}
	found := Support{Resend: s.agreed(fuse.CAP_HAS_RESEND), Passthrough: s.tryBacking(f)}
	l.support.Store(&found)
	if err := s.Unmount(); err != nil {
		return found, fmt.Errorf("probe fuse: %w", err)
	}
	return found, nil
}

// removeProbes removes what processes left that were killed while probing.
func removeProbes(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, probeName+"*")) // the pattern is fine
	for _, tmp := range left {
		_ = unix.Unmount(filepath.Join(tmp, "m"), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		_ = os.RemoveAll(tmp)
	}
}

// tryBacking registers f as a backing file.
func (s *Session) tryBacking(f *os.File) error {
	if !s.agreed(fuse.CAP_PASSTHROUGH) {
		return errors.New("the kernel has none (Linux 6.9 has)")
	}
	if !s.acquire() {
		return ErrClosed
	}
	defer s.release()
	id, err := registerBacking(s.fd, f)
	s.unregister(id)
	return err
}

// agreed says whether INIT ended with this capability.
func (s *Session) agreed(capability uint64) bool { return s.state.Flags&capability != 0 }
