// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Command spry makes, shows and moves the indexes that let a snapshotter load
// an image lazily.
//
//	spry convert SRC DST     an image that names its indexes (v2)
//	spry create IMAGE        indexes beside an image (v1)
//	spry push IMAGE          ... to the registry
//	spry pull REF            into containerd, lazily
//	spry index ls|info|rm    indexes
//	spry ztoc ls|info|get-file
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	// exitSignal is what shells report for a program ended by SIGINT.
	exitSignal = 130
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(runtime.GOMAXPROCS(0)) * layerMemory)
	}
	os.Exit(run(os.Args[1:]))
}

const (
	// gcPercent keeps the memory of a conversion near what it needs: there is
	// little garbage, so that collecting it more often costs nothing.
	gcPercent = 25
	// layerMemory is from where on in bytes, for each layer that may be in work,
	// garbage is collected whenever there is some. It is no limit of what a
	// layer may need.
	layerMemory = 48 << 20
)

// run executes the command line and gives the exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := newApp(os.Stdout, os.Stderr)
	defer a.close()
	cmd := a.root()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "spry: interrupted")
		return exitSignal
	}
	fmt.Fprintln(os.Stderr, "spry:", progress.Clean(err.Error()))
	var usage *usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

// Error implements error.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap is the error behind e.
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
