// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"
	"fmt"
	"os"

	"github.com/containerd/log"
	"golang.org/x/sys/unix"
)

// Orphan is a session of a predecessor that nobody serves: who uses the mount
// waits. Mount with the same identity takes it over.
type Orphan struct {
	Identity   string
	Mountpoint string
	// NoOpen is what the kernel was told of OPEN, once for all.
	NoOpen bool
	// Above says that MountOptions.Above mounted what shows it.
	Above bool
}

// orphan is a session without a server.
type orphan struct {
	name   string
	device int // descriptor, non-blocking
	state  *state
}

func (o orphan) public() Orphan {
	r := o.state.record
	return Orphan{Identity: r.Identity, Mountpoint: r.Mountpoint, NoOpen: r.NoOpen, Above: r.Above}
}

// Orphans are the sessions that were inherited and not taken over yet.
func (l *Loop) Orphans() []Orphan {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Orphan, len(l.orphans))
	for i, o := range l.orphans {
		list[i] = o.public()
	}
	return list
}

// Abandon gives up the orphans that keep (nil: none) does not want: their
// connections end, and who uses them gets ENOTCONN.
func (l *Loop) Abandon(keep func(Orphan) bool) {
	given := l.takeOrphans(func(o orphan) bool {
		return keep == nil || !keep(o.public())
	})
	for _, o := range given {
		l.drop(o)
	}
}

// takeOrphans removes the orphans that which wants.
func (l *Loop) takeOrphans(which func(orphan) bool) (taken []orphan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rest []orphan
	for _, o := range l.orphans {
		if which(o) {
			taken = append(taken, o)
		} else {
			rest = append(rest, o)
		}
	}
	l.orphans = rest
	return taken
}

// drop ends an orphan.
func (l *Loop) drop(o orphan) {
	if k := l.options.Keeper; k != nil {
		if err := k.Drop(o.name); err != nil {
			log.L.WithError(err).Error("keeper does not give up a mount")
		}
	}
	_ = unix.Close(o.device)
	o.state.close()
}

// inherit sorts out what a keeper held.
func (l *Loop) inherit(all []Inherited) {
	for _, in := range all {
		o, err := parseInherited(in)
		if err == nil {
			l.orphans = append(l.orphans, o)
			continue
		}
		if !errors.Is(err, unix.ENODEV) {
			log.L.WithError(err).Warn("mount of a predecessor cannot be taken over")
		}
		if l.options.Keeper != nil {
			_ = l.options.Keeper.Drop(in.Name)
		}
	}
}

// parseInherited finds out which file is what, and closes those it does not
// return. A connection that has ended is ENODEV.
func parseInherited(in Inherited) (o orphan, err error) {
	o = orphan{name: in.Name, device: -1}
	defer func() {
		if err != nil && o.device >= 0 {
			_ = unix.Close(o.device)
		}
	}()
	for _, f := range in.Files {
		if err := o.take(f); err != nil {
			return o, fmt.Errorf("%s: %w", in.Name, err)
		}
	}
	if o.device < 0 || o.state == nil {
		o.state.close()
		return o, fmt.Errorf("%s: %d files, want a device and a state", in.Name, len(in.Files))
	}
	if err := checkConnected(o.device); err != nil {
		o.state.close()
		return o, fmt.Errorf("%s: %w", in.Name, err)
	}
	return o, nil
}

// take finds out what f is.
func (o *orphan) take(f *os.File) (err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && o.device < 0:
		defer func() { _ = f.Close() }()
		if o.device, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3); err != nil {
			return err
		}
		return unix.SetNonblock(o.device, true)
	case st.Mode&unix.S_IFMT == unix.S_IFREG && o.state == nil:
		o.state, err = openState(f)
		return err
	default:
		return fmt.Errorf("unexpected file of mode %o", st.Mode)
	}
}

// checkConnected is ENODEV for a connection that has ended.
func checkConnected(fd int) error {
	pfd := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(pfd, 0); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if pfd[0].Revents&unix.POLLERR != 0 {
		return unix.ENODEV
	}
	return nil
}
