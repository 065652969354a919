// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// SprydOptions describe a daemon to start.
type SprydOptions struct {
	// Dir receives socket, configuration and log, and state if Root is not set.
	Dir string
	// Root is its state directory.
	Root string
	// Binary is the path of spryd.
	Binary string
	// Config is the text of its configuration file; "" starts it without one.
	Config string
	// Store, if set, is the service manager that starts it.
	Store *FDStore
}

// Spryd is a running daemon.
type Spryd struct {
	*Process
	o SprydOptions
}

// FindSpryd is a daemon that something else starts.
func FindSpryd(o SprydOptions) *Spryd { return &Spryd{o: o} }

// StartSpryd starts a daemon; it accepts connections when this returns.
func StartSpryd(ctx context.Context, o SprydOptions) (*Spryd, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	s := &Spryd{o: o}
	return s, s.Start(ctx)
}

// Start starts the daemon again after Stop or Kill, on the same state.
func (s *Spryd) Start(ctx context.Context) error {
	args := []string{"--address", s.Address(), "--root", s.Root(), "--log-level", "debug"}
	if s.o.Config != "" {
		if err := s.Configure(s.o.Config); err != nil {
			return err
		}
		args = append(args, "--config", s.configFile())
	}
	cmd := exec.Command(s.o.Binary, args...)
	if s.o.Store != nil {
		var err error
		if cmd, err = s.o.Store.Command(cmd); err != nil {
			return err
		}
		defer closeAll(cmd.ExtraFiles)
	}
	p, err := StartProcess(cmd, filepath.Join(s.o.Dir, "log"))
	if err != nil {
		return err
	}
	s.Process = p
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return p.waitFor(ctx, func() bool { return dials("unix", s.Address()) })
}

// SetConfig replaces the configuration text for the next Start.
func (s *Spryd) SetConfig(text string) { s.o.Config = text }

// Configure replaces the configuration of a daemon that has one, for the next
// server that it starts.
func (s *Spryd) Configure(text string) error {
	s.o.Config = text
	return os.WriteFile(s.configFile(), []byte(text), 0o644)
}

func (s *Spryd) configFile() string { return filepath.Join(s.o.Dir, "config.toml") }

// SetStore makes a service manager start the daemon from the next Start on.
func (s *Spryd) SetStore(store *FDStore) { s.o.Store = store }

// Address is the path of the daemon's socket.
func (s *Spryd) Address() string { return filepath.Join(s.o.Dir, "s.sock") }

// Root is the daemon's state directory.
func (s *Spryd) Root() string {
	if s.o.Root != "" {
		return s.o.Root
	}
	return filepath.Join(s.o.Dir, "root")
}

// Proxy is the daemon as containerd's configuration names it.
func (s *Spryd) Proxy() Proxy { return Proxy{Name: "spry", Address: s.Address(), Root: s.Root()} }

// ServerPid is the process that serves, which is not the one that was
// started.
func (s *Spryd) ServerPid() (int, error) {
	b, err := os.ReadFile(filepath.Join(s.Root(), "server.pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// Relocate makes a copy of the binary at path, which is used from the next
// Start on, and returns path.
func (s *Spryd) Relocate(path string) (string, error) {
	err := Replace(path, s.o.Binary)
	s.o.Binary = path
	return path, err
}

// Replace puts a copy of a binary at path, as an installation would.
func Replace(path, binary string) error {
	b, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o755); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
