// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// firstPassed is the first descriptor that systemd passes (sd_listen_fds(3)).
	firstPassed = 3
	// maxPassed bounds what the environment may claim.
	maxPassed = 1 << 16
)

// Store is systemd's descriptor store of this service. A nil Store stores
// nothing. See sd_notify(3): FDSTORE.
type Store struct{ address string }

// NewStore is the store that the environment names, or nil. systemd 254 and
// later say in $FDSTORE how many descriptors it takes; a unit for an older one
// sets it itself.
func NewStore() *Store {
	n, err := strconv.Atoi(os.Getenv("FDSTORE"))
	address := os.Getenv("NOTIFY_SOCKET")
	if err != nil || n <= 0 || address == "" {
		return nil
	}
	return &Store{address}
}

// put stores duplicates of files instead of what is there under that name.
func (s *Store) put(name string, files []*os.File) error {
	if s == nil {
		return nil
	}
	if err := s.remove(name); err != nil {
		return err
	}
	return s.notify("FDSTORE=1\nFDNAME="+name, files)
}

// remove takes out what is there under a name.
func (s *Store) remove(name string) error {
	if s == nil {
		return nil
	}
	return s.notify("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

func (s *Store) notify(state string, files []*os.File) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	fds, err := descriptors(files)
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	patience := unix.NsecToTimeval(int64(sendTimeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	if err := unix.Sendmsg(fd, []byte(state), rights, &unix.SockaddrUnix{Name: s.address}, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// Passed are the descriptors that systemd gave to this process, by name: what
// an earlier keeper stored, and sockets of socket units. They are the
// caller's, and children do not get them.
func Passed() map[string][]*os.File {
	pid, n, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	count, err := strconv.Atoi(n)
	if err != nil || pid != strconv.Itoa(os.Getpid()) || count > maxPassed {
		return nil
	}
	passed := map[string][]*os.File{}
	list := strings.Split(names, ":")
	for i := range count {
		fd, name := firstPassed+i, ""
		if i < len(list) {
			name = list[i]
		}
		unix.CloseOnExec(fd)
		passed[name] = append(passed[name], os.NewFile(uintptr(fd), name))
	}
	return passed
}
