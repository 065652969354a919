// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ColdStart is one measured start of a container on a host that has nothing
// of the image: no layer, no page cache.
type ColdStart struct {
	// Pull is how long the pull took, Run from then to the line READY.
	Pull, Run time.Duration
	// Bytes crossed the link from the registry until READY.
	Bytes int64
	// Lazy is the number of lazily mounted layers.
	Lazy int
}

// Total is the time from the start of the pull to READY.
func (c ColdStart) Total() time.Duration { return c.Pull + c.Run }

// ColdStartOptions say what to start and where.
type ColdStartOptions struct {
	// Dir is an empty directory for both daemons.
	Dir string
	// Containerd is the folder with containerd's programs.
	Containerd string
	// Snapshotter is what to measure.
	Snapshotter Snapshotter
	// Ref is the image.
	Ref string
	// Link is the way to the registry that Ref names.
	Link *Shaper
}

// MeasureColdStart starts fresh daemons, drops the page cache, pulls and runs.
func MeasureColdStart(ctx context.Context, o ColdStartOptions) (c ColdStart, err error) {
	h, err := StartHost(ctx, HostOptions{Dir: o.Dir, Containerd: o.Containerd, Snapshotter: o.Snapshotter})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, h.Stop()) }()
	if err := DropCaches(); err != nil {
		return c, err
	}
	before, start := o.Link.Bytes(), time.Now()
	if err := h.Pull(ctx, o.Ref); err != nil {
		return c, err
	}
	c.Pull = time.Since(start)
	if c.Lazy, err = h.Lazy(); err != nil {
		return c, err
	}
	start = time.Now()
	run, err := h.Run(ctx, RunOptions{ID: fmt.Sprintf("cold-%d", os.Getpid()), Ref: o.Ref})
	if err != nil {
		return c, err
	}
	c.Run, c.Bytes = time.Since(start), o.Link.Bytes()-before
	run.Kill(ctx)
	return c, nil
}
