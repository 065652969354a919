// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Command spryd is a containerd snapshotter that starts containers before
// their images are here. See docs/config.toml for what can be configured.
//
// The process that is started keeps the descriptors of mounts and starts
// another one that does the work, and again when that one ends. SIGHUP
// replaces it by the binary that is at the same path by then.
//
// It exits with 0 after SIGTERM or SIGINT, 1 when it cannot run, 2 when flags
// or the configuration are wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/containerd/log"

	"github.com/spryd/spry/config"
	"github.com/spryd/spry/service"
)

const (
	exitOK = iota
	exitFailed
	exitUsage
)

const (
	// serveFlag, as the first argument, makes the process a server of the
	// keeper at descriptor keeperFD.
	serveFlag = "--serve"
	keeperFD  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	code, err := command(ctx, args, stdout, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "spryd:", err)
		return max(code, exitFailed)
	}
	return code
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	serve := len(args) > 0 && args[0] == serveFlag
	if serve {
		args = args[1:]
	}
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK, nil
	}
	if err != nil {
		return exitUsage, err
	}
	if o.version {
		_, err := fmt.Fprintln(stdout, "spryd", service.BuildVersion())
		return exitOK, err
	}
	c, notes, err := o.configuration()
	if err != nil {
		return exitUsage, err
	}
	if o.printConfig {
		_, err := c.WriteTo(stdout)
		return exitOK, err
	}
	if err := service.SetLog(c); err != nil {
		return exitUsage, err
	}
	if !serve {
		return service.Keep(ctx, c, server(o))
	}
	for _, n := range notes {
		log.G(ctx).Warn(n)
	}
	if err := service.Serve(ctx, c, keeperFD); err != nil {
		return exitFailed, err
	}
	return exitOK, nil
}

// server makes the command of a server: this program from the path where it
// was found, which may be another version by then.
func server(o *options) func(config.Config) *exec.Cmd {
	path := executable()
	return func(c config.Config) *exec.Cmd {
		cmd := exec.Command(path)
		cmd.Args = append([]string{os.Args[0]}, o.serverArgs(c)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd
	}
}

// executable is the path that this program was started with: a symbolic link
// in it may change, which os.Executable would not see.
func executable() string {
	const self = "/proc/self/exe"
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		found, err1 := os.Stat(path)
		running, err2 := os.Stat(self)
		if err1 == nil && err2 == nil && os.SameFile(found, running) {
			return path
		}
	}
	if path, err = os.Executable(); err == nil {
		return path
	}
	return self
}
