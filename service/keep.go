// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spryd/spry/config"
	"github.com/spryd/spry/service/keeper"
)

// Keep is the daemon: a keeper of servers, each made by command, which has to
// end in Serve with descriptor 3 and the Root (which has no symbolic links) and
// Address that it is given: the keeper holds both. Keep returns when the daemon
// was told to end, or could not start, with what the process should exit with;
// what a server said itself is not in the error. The configuration must be
// valid.
func Keep(ctx context.Context, c config.Config, command func(config.Config) *exec.Cmd) (code int, err error) {
	err = keep(ctx, c, command)
	var exit *keeper.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.Code, nil
	case err != nil:
		return 1, err
	}
	return 0, nil
}

func keep(ctx context.Context, c config.Config, command func(config.Config) *exec.Cmd) (err error) {
	signals, stop := keeper.NotifySignals()
	defer stop()
	if c.Root, err = makeRoot(c.Root); err != nil {
		return err
	}
	l, err := lock(filepath.Join(c.Root, keeperPID), c.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	store, passed := keeper.NewStore(), keeper.Passed()
	socket, err := listenPassed(ctx, c.Address, passed)
	if err != nil {
		return err
	}
	socket.keep = store != nil
	defer func() { err = errors.Join(err, socket.Close()) }()
	reports, err := lockStatus(statusAddress(c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reports.Close()) }()
	file, err := socket.Listener.(*net.UnixListener).File()
	if err != nil {
		return fmt.Errorf("listen at %s: %w", c.Address, err)
	}
	defer func() { _ = file.Close() }()
	return keeper.Run(ctx, keeper.Options{
		Command:      func() *exec.Cmd { return withoutWatchdogPID(command(c)) },
		Listener:     file,
		ListenerName: listenerName(c.Address),
		Held:         passed,
		Store:        store,
		Signals:      signals,
	})
}

// withoutWatchdogPID makes systemd's watchdog that of the server.
func withoutWatchdogPID(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") })
	return cmd
}

// listenerName is what the socket at address is stored as.
func listenerName(address string) string {
	return fmt.Sprintf("listen-%x", sha256.Sum256([]byte(address)))[:24]
}

// listenPassed is the socket that an earlier process stored, or a socket unit
// has made for this address, taken out of passed; or a new one.
func listenPassed(ctx context.Context, address string, passed map[string][]*os.File) (*socket, error) {
	for name, files := range passed {
		if len(files) != 1 {
			continue
		}
		l, err := net.FileListener(files[0])
		if err != nil {
			continue // no socket
		}
		delete(passed, name)
		_ = files[0].Close()
		if name == listenerName(address) || l.Addr().String() == address {
			if s, err := adoptSocket(l, address); s != nil || err != nil {
				return s, err
			}
		}
		_ = l.Close()
	}
	return listen(ctx, address)
}

// adoptSocket is the socket l at address; nil if it is not there any more.
func adoptSocket(l net.Listener, address string) (*socket, error) {
	info, err := os.Lstat(address)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	held, err := lock(address+".lock", address)
	if err != nil {
		return nil, err
	}
	return &socket{Listener: l, path: address, lock: held}, nil
}
