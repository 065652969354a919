// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Tools says where the programs are that setup.sh and "make build" made.
type Tools struct {
	// Root is the top of the checkout.
	Root string
	// Cache is the folder that setup.sh fills.
	Cache string
}

// FindTools looks for the checkout above the working directory.
func FindTools() (Tools, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Tools{}, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == "/" {
			return Tools{}, errors.New("no go.mod above the working directory")
		}
	}
	t := Tools{Root: dir, Cache: os.Getenv("SPRY_CACHE")}
	if t.Cache == "" {
		t.Cache = filepath.Join(dir, ".cache")
	}
	return t, nil
}

// Containerd is the folder with containerd, its shim and ctr of a release
// line, "2" or "1.7".
func (t Tools) Containerd(line string) (string, error) {
	dir := filepath.Join(t.Cache, "containerd-"+line)
	if _, err := os.Stat(filepath.Join(dir, "containerd")); err != nil {
		return "", fmt.Errorf("containerd %s is not installed, run integration/setup.sh: %w", line, err)
	}
	return dir, nil
}

// Binary is the path of spryd or spry as "make build" made it.
func (t Tools) Binary(name string) (string, error) {
	p := filepath.Join(t.Root, "bin", name)
	if _, err := os.Stat(p); err != nil {
		return "", fmt.Errorf("%s is not built, run make build: %w", name, err)
	}
	return p, nil
}
