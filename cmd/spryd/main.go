// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Command spryd is a containerd snapshotter that starts containers before
// their images are here. See docs/config.toml for what can be configured.
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
	"os/signal"
	"syscall"

	"github.com/spryd/spry/service"
)

const (
	exitOK = iota
	exitFailed
	exitUsage
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
	c, err := o.configuration()
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
	if err := service.Run(ctx, c); err != nil {
		return exitFailed, err
	}
	return exitOK, nil
}
