// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kind of a message.
type kind byte

const (
	// From the server.
	hello kind = 'h' // started, its configuration is good
	ready kind = 'r' // serves
	hold  kind = '+' // name, with descriptors
	drop  kind = '-' // name
	// From the keeper.
	listen  kind = 'l' // with the listening socket
	session kind = 's' // name, with descriptors that were held
	take    kind = 't' // that was all: serve
	leave   kind = 'q' // end, but leave mounts as they are

	// gone is no message: the server has ended, and all that it sent was
	// read.
	gone kind = 0
)

const (
	maxName  = 255 // of a descriptor in systemd's store
	maxFiles = 8
	// sendTimeout is how long the other side may be busy.
	sendTimeout = 10 * time.Second
)

// message is what is sent. Who receives one owns its files.
type message struct {
	kind  kind
	name  string
	files []*os.File
}

// close closes the files.
func (m message) close() {
	for _, f := range m.files {
		_ = f.Close()
	}
}

// send sends m, whose files stay the caller's.
func send(c *net.UnixConn, m message) error {
	if len(m.name) > maxName || len(m.files) > maxFiles {
		return fmt.Errorf("message %c: name of %d bytes, %d files", m.kind, len(m.name), len(m.files))
	}
	fds, err := descriptors(m.files)
	if err != nil {
		return fmt.Errorf("message %c: %w", m.kind, err)
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := c.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("message %c: %w", m.kind, err)
	}
	if _, _, err := c.WriteMsgUnix(append([]byte{byte(m.kind)}, m.name...), rights, nil); err != nil {
		return fmt.Errorf("message %c: %w", m.kind, err)
	}
	return nil
}

// descriptors are those of files, which are open while the caller has them.
// File.Fd would make them block.
func descriptors(files []*os.File) ([]int, error) {
	fds := make([]int, 0, len(files))
	for _, f := range files {
		rc, err := f.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := rc.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return nil, err
		}
	}
	return fds, nil
}

// receive waits for a message; io.EOF when there will be none. Descriptors
// arrive close-on-exec.
func receive(c *net.UnixConn) (message, error) {
	b, oob := make([]byte, 1+maxName), make([]byte, unix.CmsgSpace(4*maxFiles))
	n, on, flags, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return message{}, err
	}
	m := message{}
	if m.files, err = rights(oob[:on]); err != nil {
		m.close()
		return message{}, err
	}
	if n == 0 {
		m.close()
		return message{}, io.EOF
	}
	if flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		m.close()
		return message{}, fmt.Errorf("message %c is cut", b[0])
	}
	m.kind, m.name = kind(b[0]), string(b[1:n])
	return m, nil
}

// rights are the descriptors in the control part of a message. They are not
// put into Go's poller, which would change nothing but their owner.
func rights(oob []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "kept"))
		}
	}
	return files, nil
}

// pair makes the two ends. Both are close-on-exec.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "keeper")
	ours, err = connOf(os.NewFile(uintptr(fds[0]), "server"))
	if err != nil {
		_ = theirs.Close()
	}
	return ours, theirs, err
}

// connOf makes a connection of a socket, which it closes.
func connOf(f *os.File) (*net.UnixConn, error) {
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", f.Name(), err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("socket %s is a %T", f.Name(), c)
	}
	return u, nil
}
