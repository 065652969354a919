// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// maxFile bounds a config.json in bytes.
const maxFile = 4 << 20

// file is a config.json, parsed again when it has changed.
type file struct {
	path string

	mu     sync.Mutex // guards the fields below
	stamp  stamp
	parsed *config
}

// stamp tells versions of a file apart; zero is a missing file.
type stamp struct {
	size    int64
	changed time.Time
}

// config is the current content. A missing file is an empty one.
func (f *file) config() (*config, error) {
	now, err := stampOf(f.path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	kept, stamp := f.parsed, f.stamp
	f.mu.Unlock()
	if kept != nil && stamp == now {
		return kept, nil
	}
	c, err := read(f.path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parsed, f.stamp = c, now
	return c, nil
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, err
	}
	return stamp{size: info.Size(), changed: info.ModTime()}, nil
}

func read(path string) (*config, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &config{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	c, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
