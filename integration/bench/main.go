// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Command bench measures what a user feels: how long a container takes to
// start from nothing, what that costs, how fast work is inside it, and how
// fast a large file arrives; with Spry, containerd's overlayfs, and any other
// proxy snapshotter. docs/benchmark.md says how to run and read it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/containerd/log"

	"github.com/spryd/spry/integration/bench/work"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "work" { // inside a container
		exit(work.Main(os.Args[2:], os.Stdout))
	}
	_ = log.SetLevel("error") // of what pushes the images
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
