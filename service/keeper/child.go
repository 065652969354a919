// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is a server that was started.
type child struct {
	cmd     *exec.Cmd
	conn    *net.UnixConn
	started time.Time
	ready   bool // it said so
	leaving bool // it was told to
	undead  bool // it looked dead, but has not ended
}

// event is a message of a child, or its end with the error of Wait.
type event struct {
	child *child
	message
	err error
}

// start starts cmd as a server whose messages go to events until it has
// ended; readers counts the goroutine.
func start(cmd *exec.Cmd, events chan<- event, readers *sync.WaitGroup) (*child, error) {
	conn, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3 in the server
	// In a process group of its own: what a terminal sends to ours comes
	// through us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("start server: %w", err)
	}
	c := &child{cmd: cmd, conn: conn, started: time.Now()}
	readers.Go(func() {
		for {
			m, err := receive(conn)
			if err != nil {
				break
			}
			events <- event{child: c, message: m}
		}
		err := cmd.Wait()
		_ = conn.Close()
		events <- event{child: c, err: err}
	})
	return c, nil
}

// signal passes a signal on; one that has ended gets none.
func (c *child) signal(s os.Signal) {
	if c != nil {
		_ = c.cmd.Process.Signal(s)
	}
}

// exitCode is what the process that ended with err exits with: that of the
// server, or 1.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	default:
		return 1
	}
}
