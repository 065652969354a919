// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package containerdtest runs a containerd of its own for tests.
package containerdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/client"
)

// startTimeout is how long containerd may take to answer.
const startTimeout = 30 * time.Second

// config leaves out what images do not need.
const config = `version = 3
root = %[1]q
state = %[2]q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]
[grpc]
  address = %[3]q
`

// Containerd is started when it is first asked for, and shared by the tests
// of a package: TestMain closes it.
type Containerd struct {
	mu      sync.Mutex // guards the fields below
	started bool
	err     error
	dir     string
	cmd     *exec.Cmd
}

// Address is the path of the socket, or why there is none: tests skip then.
func (c *Containerd) Address() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		c.started = true
		c.err = c.start()
	}
	return filepath.Join(c.dir, "c.sock"), c.err
}

// Close stops containerd.
func (c *Containerd) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		_ = c.cmd.Wait()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

func (c *Containerd) start() error {
	bin, err := exec.LookPath("containerd")
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("containerd wants root")
	}
	// Not the test's own directory: socket paths have 108 bytes.
	if c.dir, err = os.MkdirTemp("", "spryctd"); err != nil {
		return err
	}
	file := filepath.Join(c.dir, "config.toml")
	text := fmt.Sprintf(config, filepath.Join(c.dir, "root"), filepath.Join(c.dir, "state"), filepath.Join(c.dir, "c.sock"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(bin, "-c", file)
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	c.cmd = cmd
	return c.wait()
}

// wait asks until containerd answers.
func (c *Containerd) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cl, err := client.New(filepath.Join(c.dir, "c.sock"), client.WithTimeout(startTimeout))
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err = cl.Version(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("containerd does not answer: %w: %s", err, log)
		}
	}
}
