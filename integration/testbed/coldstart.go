// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
	// Spryd is the daemon's binary; "" measures containerd's overlayfs.
	Spryd string
	// Ref is the image.
	Ref string
	// Link is the way to the registry that Ref names.
	Link *Shaper
}

// MeasureColdStart starts fresh daemons, drops the page cache, pulls and runs.
func MeasureColdStart(ctx context.Context, o ColdStartOptions) (c ColdStart, err error) {
	defer func() { err = errors.Join(err, unmountBelow(o.Dir)) }()
	snapshotter := "overlayfs"
	co := ContainerdOptions{Dir: filepath.Join(o.Dir, "c"), Bin: o.Containerd}
	if o.Spryd != "" {
		snapshotter = "spry"
		d, err := StartSpryd(ctx, SprydOptions{Dir: filepath.Join(o.Dir, "s"), Binary: o.Spryd})
		if err != nil {
			return c, err
		}
		defer func() { err = errors.Join(err, d.Stop()) }()
		co.Proxies = []Proxy{d.Proxy()}
	}
	ctd, err := StartContainerd(ctx, co)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, ctd.Stop()) }()
	syscall.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return c, err
	}
	before, start := o.Link.Bytes(), time.Now()
	if _, err := ctd.Ctr(ctx, "image", "pull", "--plain-http", "--snapshotter", snapshotter, o.Ref); err != nil {
		return c, err
	}
	c.Pull = time.Since(start)
	mounts, err := mountsBelow(o.Dir)
	if err != nil {
		return c, err
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.kind, "fuse") {
			c.Lazy++
		}
	}
	start = time.Now()
	return c, runToReady(ctx, ctd, snapshotter, o.Ref, func() {
		c.Run, c.Bytes = time.Since(start), o.Link.Bytes()-before
	})
}

// runToReady starts a container, calls ready when it prints READY, kills it
// and waits until it is gone.
func runToReady(ctx context.Context, ctd *Containerd, snapshotter, ref string, ready func()) error {
	id := fmt.Sprintf("cold-%d", os.Getpid())
	cmd := ctd.CtrCommand(ctx, "run", "--rm", "--net-host", "--snapshotter", snapshotter, ref, id)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	found := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found || !strings.Contains(lines.Text(), "READY") {
			continue
		}
		ready()
		found = true
		// one that ends by itself cannot be killed, which is as good
		_, _ = ctd.Ctr(ctx, "task", "kill", "-s", "KILL", id)
	}
	err = cmd.Wait() // a killed container gives an exit status of its own
	if !found {
		return fmt.Errorf("the container of %s ended without READY: %w: %s", ref, err, stderr.String())
	}
	return nil
}
