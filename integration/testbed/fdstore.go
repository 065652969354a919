// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// FDStore does what systemd does with descriptors of a service (sd_notify(3),
// FDSTORE): it keeps them while the service is not running.
type FDStore struct {
	path    string
	conn    *net.UnixConn
	reading sync.WaitGroup

	mu    sync.Mutex
	files map[string][]*os.File
}

// NewFDStore makes a store with its notify socket in dir.
func NewFDStore(dir string) (*FDStore, error) {
	s := &FDStore{path: filepath.Join(dir, "notify"), files: map[string][]*os.File{}}
	var err error
	if s.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"}); err != nil {
		return nil, err
	}
	s.reading.Go(func() {
		for s.read() {
		}
	})
	return s, nil
}

// read takes one message.
func (s *FDStore) read() bool {
	b, oob := make([]byte, 4096), make([]byte, 1024)
	n, on, _, _, err := s.conn.ReadMsgUnix(b, oob)
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(b[:n])), "\n")
	var name string
	for _, l := range lines {
		if v, ok := strings.CutPrefix(l, "FDNAME="); ok {
			name = v
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(lines, "FDSTOREREMOVE=1") {
		closeAll(s.files[name])
		delete(s.files, name)
	}
	messages, _ := unix.ParseSocketControlMessage(oob[:on])
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			s.files[name] = append(s.files[name], os.NewFile(uintptr(fd), name))
		}
	}
	return true
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Command makes cmd start as systemd starts a service that has descriptors
// stored. Its ExtraFiles are duplicates, which the caller closes when cmd has
// started: what is stored may be removed at any time.
func (s *FDStore) Command(cmd *exec.Cmd) (*exec.Cmd, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, files := range s.files {
		for _, f := range files {
			fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				closeAll(cmd.ExtraFiles)
				return nil, fmt.Errorf("duplicate stored descriptor %s: %w", name, err)
			}
			names = append(names, name)
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), name))
		}
	}
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.path, "FDSTORE=1000",
		fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	// A process learns its id when it runs.
	cmd.Args = append([]string{"/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd, nil
}

// Len is how many names are stored.
func (s *FDStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}

// Close closes everything.
func (s *FDStore) Close() error {
	err := s.conn.Close()
	s.reading.Wait()
	for _, files := range s.files {
		closeAll(files)
	}
	return err
}
