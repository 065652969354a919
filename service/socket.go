// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// dialTimeout bounds the question whether a socket is alive.
	dialTimeout = 2 * time.Second
	// farewell is how long a server whose keeper was killed may take to
	// close its socket.
	farewell = 2 * time.Second
)

// socket is a listening Unix socket that only its owner may connect to.
type socket struct {
	net.Listener
	path string
	lock *lockFile
	// keep leaves the socket where it is, for the next process that has it.
	keep bool
}

// listen makes the socket at path, replacing one that nobody serves.
func listen(ctx context.Context, path string) (*socket, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	l, err := lock(path+".lock", path)
	if err != nil {
		return nil, err
	}
	if err := refuseLiving(ctx, path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l.bind(ctx, path)
}

// bind makes the socket of a locked path.
func (l *lockFile) bind(ctx context.Context, path string) (*socket, error) {
	listener, err := listenPrivate(ctx, path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{Listener: listener, path: path, lock: l}, nil
}

// refuseLiving fails unless path is free or a socket without a server.
func refuseLiving(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(farewell); time.Now().Before(end); <-tick.C {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, "unix", path)
		switch {
		case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			_ = conn.Close()
		}
	}
	return fmt.Errorf("%s is served by another process", path)
}

// listenPrivate makes a socket at path, which nobody serves, that only its owner may
// connect to: it has its mode before it has its name. Nothing is renamed: a rename
// from another directory waits for overlayfs, which copies up a file of one of our
// mounts, which waits for this server to answer.
func listenPrivate(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var mode error
		err := c.Control(func(fd uintptr) { mode = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(err, mode)
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return l, nil
}

// Close stops listening and removes the socket, unless it is kept.
func (s *socket) Close() error {
	closed := s.Listener.Close()
	if errors.Is(closed, net.ErrClosed) { // the server may have closed it
		closed = nil
	}
	if s.keep {
		return errors.Join(closed, s.lock.Close())
	}
	removed := os.Remove(s.path)
	if errors.Is(removed, fs.ErrNotExist) {
		removed = nil
	}
	return errors.Join(closed, removed, s.lock.Close())
}
