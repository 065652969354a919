// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
)

// maxSocketPath is the length of a Unix socket's path, see unix(7).
const maxSocketPath = 107

const (
	maxConnections     = 1024
	maxRestoreParallel = 256
	maxRetries         = 100
)

// Validate returns all faults of the configuration, joined.
func (c Config) Validate() error {
	var f faults
	f.check(filepath.IsAbs(c.Address), "address %q: not an absolute path", c.Address)
	f.check(len(c.Address) <= maxSocketPath, "address %q: longer than %d bytes", c.Address, maxSocketPath)
	f.check(filepath.IsAbs(c.Root), "root %q: not an absolute path", c.Root)
	f.oneOf("log_level", c.LogLevel, "trace", "debug", "info", "warn", "error")
	f.oneOf("log_format", c.LogFormat, "text", "json")
	f.registry(c.Registry)
	f.between("index.attempts", c.Index.Attempts, 1, maxRetries)
	f.positive("index.none_for", c.Index.NoneFor)
	f.positive("index.timeout", c.Index.Timeout)
	f.between("fetch.connections", c.Fetch.Connections, 1, maxConnections)
	f.between("fetch.reserved", c.Fetch.Reserved, 0, max(c.Fetch.Connections-1, 0))
	f.positive("fetch.deadline", c.Fetch.Deadline)
	f.positive("fetch.slow", c.Fetch.Slow)
	f.status(c.Status.Address)
	f.check(c.Store.MaxBytes >= 0, "store.max_bytes %d: negative", c.Store.MaxBytes)
	f.oneOf("trust.on_lie", c.Trust.OnLie, OnLieFail, OnLieContinue)
	f.between("snapshotter.restore_parallel", c.Snapshotter.RestoreParallel, 1, maxRestoreParallel)
	for _, o := range c.Snapshotter.MountOptions {
		f.check(o != "" && !slices.Contains([]byte(o), ','), "snapshotter.mount_options: %q is not one option", o)
	}
	return errors.Join(f...)
}

type faults []error

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func (f *faults) registry(r Registry) {
	for _, dir := range r.ConfigPath {
		f.check(filepath.IsAbs(dir), "registry.config_path: %q is not an absolute path", dir)
	}
	f.check(r.DockerConfig == "" || filepath.IsAbs(r.DockerConfig), "registry.docker_config %q: not an absolute path", r.DockerConfig)
	f.between("registry.retries", r.Retries, 0, maxRetries)
	f.positive("registry.header_timeout", r.HeaderTimeout)
	f.positive("registry.stall_timeout", r.StallTimeout)
}

func (f *faults) status(address string) {
	if address == "" || filepath.IsAbs(address) {
		f.check(len(address) <= maxSocketPath, "status.address %q: longer than %d bytes", address, maxSocketPath)
		return
	}
	_, _, err := net.SplitHostPort(address)
	f.check(err == nil, "status.address %q: neither an absolute path nor HOST:PORT", address)
}

func (f *faults) oneOf(key, got string, want ...string) {
	f.check(slices.Contains(want, got), "%s %q: not one of %q", key, got, want)
}

func (f *faults) between(key string, got, low, high int) {
	f.check(low <= got && got <= high, "%s %d: not from %d to %d", key, got, low, high)
}

func (f *faults) positive(key string, d Duration) {
	f.check(d.Duration > 0, "%s %s: not positive", key, d.Duration)
}
