// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// RunOptions say what to run on a [Host].
type RunOptions struct {
	// ID names the container, Ref the image, which is there.
	ID, Ref string
	// Args replace the image's command; none keeps it.
	Args []string
	// Bind is a folder of this machine that the container sees, read-only, as
	// /testbed; "" is none.
	Bind string
}

// Container is a started container of a [Host].
type Container struct {
	host   *Host
	id     string
	cmd    *exec.Cmd
	idle   chan struct{} // closed when its output has ended
	stderr strings.Builder
}

// Run starts a container and returns when it has printed a line with READY.
// The caller kills it, whether it still runs or not.
func (h *Host) Run(ctx context.Context, o RunOptions) (*Container, error) {
	args := []string{"run", "--rm", "--snapshotter", h.Name()}
	if o.Bind != "" {
		args = append(args, "--mount", "type=bind,src="+o.Bind+",dst=/testbed,options=rbind:ro")
	}
	args = append(append(args, o.Ref, o.ID), o.Args...)
	c := &Container{host: h, id: o.ID, cmd: h.Ctd.CtrCommand(ctx, args...)}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stderr = &c.stderr
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "READY") {
			c.drain(out)
			return c, nil
		}
	}
	c.end(ctx) // a cancelled ctx ends ctr but not the container
	return nil, fmt.Errorf("the container of %s: %w: %s", o.Ref, errors.Join(errors.New("ended without READY"), c.cmd.Wait(), ctx.Err()), c.stderr.String())
}

// drain keeps the container's output from filling the pipe; Kill waits for it.
func (c *Container) drain(out io.Reader) {
	c.idle = make(chan struct{})
	go func() {
		defer close(c.idle)
		_, _ = io.Copy(io.Discard, out)
	}()
}

// Exec runs a program inside and returns what it printed to its output.
func (c *Container) Exec(ctx context.Context, args ...string) (string, error) {
	cmd := c.host.Ctd.CtrCommand(ctx, append([]string{"task", "exec", "--exec-id", "exec", c.id}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("exec %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// Kill ends the container, also when ctx is done, and waits until it is gone.
// One that has ended by itself is no error.
func (c *Container) Kill(ctx context.Context) {
	c.end(ctx)
	<-c.idle
	_ = c.cmd.Wait() // a killed container has an exit status of its own
}

func (c *Container) end(ctx context.Context) {
	_, _ = c.host.Ctd.Ctr(context.WithoutCancel(ctx), "task", "kill", "-s", "KILL", c.id)
}
