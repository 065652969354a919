// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/fs/layer"
)

const (
	layersName = "layers"
	mountsName = "m"
	// shortName is how many hex digits a mountpoint's name has at least.
	shortName = 10
	// parallelClose is how many layers are closed at a time.
	parallelClose = 8
)

// ErrClosed says that the file system is closed.
var ErrClosed = errors.New("file system is closed")

// FileSystem mounts layers. Make one with [New] and close it. All methods are
// safe for concurrent use; one process uses a root at a time.
type FileSystem struct {
	options   Options
	locks     keyed
	artifacts *artifacts
	starting  *starting

	// lifetime ends when Close begins; calls in progress are counted.
	lifetime context.Context
	end      context.CancelCauseFunc
	calls    sync.WaitGroup
	work     sync.WaitGroup // goroutines that are no calls

	condemned condemned
	idle      idle
	calm      *time.Timer // gives memory back

	mu      sync.Mutex // guards everything below
	entries map[digest.Digest]*entry
	names   map[string]digest.Digest // of mountpoints in use
	closed  bool
}

// New makes a file system over o.Root. Mounts that a process left there are
// detached, unless Options.Session inherited them; layers on disk wait for
// [FileSystem.Restore]. Nothing needs the
// network.
func New(_ context.Context, o Options) (*FileSystem, error) {
	o = o.withDefaults()
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("layers at %s: %w", o.Root, err)
	}
	o.Root = root
	f := &FileSystem{options: o, entries: make(map[digest.Digest]*entry), names: make(map[string]digest.Digest)}
	if err := f.prepare(); err != nil {
		return nil, fmt.Errorf("layers at %s: %w", o.Root, err)
	}
	if err := f.condemned.load(filepath.Join(o.Root, condemnedName)); err != nil {
		return nil, fmt.Errorf("condemned layers: %w", err)
	}
	f.lifetime, f.end = context.WithCancelCause(context.Background())
	f.artifacts = newArtifacts(f.lifetime, o)
	f.starting = newStarting()
	f.calm = f.newCalm()
	return f, nil
}

// prepare makes the directories and cleans up behind a process that died.
func (f *FileSystem) prepare() error {
	for _, name := range []string{layersName, mountsName} {
		if err := os.MkdirAll(filepath.Join(f.options.Root, name), 0o700); err != nil {
			return err
		}
	}
	mounts, err := filepath.EvalSymlinks(filepath.Join(f.options.Root, mountsName))
	if err != nil {
		return err
	}
	return detachStale(mounts, f.kept)
}

// Flush writes to disk what was fetched of every layer, until ctx ends: what is
// not there when the process ends has to be fetched again. Layers are served
// meanwhile.
func (f *FileSystem) Flush(ctx context.Context) error {
	f.mu.Lock()
	var layers []*layer.Layer
	for _, e := range f.entries {
		if e.served != nil && e.served.layer != nil {
			layers = append(layers, e.served.layer)
		}
	}
	f.mu.Unlock()
	var group errgroup.Group
	for _, l := range layers {
		group.Go(func() error { return l.Flush(ctx) })
	}
	return group.Wait()
}

// Close unmounts every layer, unless the session loop was left to a successor,
// and waits for everything that runs. What is on disk stays, for the next process to restore. Calls in progress end with
// [ErrClosed].
func (f *FileSystem) Close() error {
	f.mu.Lock()
	already := f.closed
	f.closed = true
	f.mu.Unlock()
	if already {
		return nil
	}
	f.end(ErrClosed)
	f.calls.Wait()
	f.calm.Stop()
	var group errgroup.Group
	group.SetLimit(parallelClose)
	for d, e := range f.entries {
		if f.options.Session.Left() {
			e.plain = nil // its paths are in the options of mounts under way
		}
		group.Go(func() error {
			if err := f.stop(e); err != nil {
				return fmt.Errorf("close layer %s: %w", d, err)
			}
			return nil
		})
	}
	err := group.Wait()
	f.work.Wait()
	f.artifacts.close()
	return err
}

// begin starts a call that changes layer d: it has the lock of d until done is
// called, and its context ends with the file system.
func (f *FileSystem) begin(ctx context.Context, d digest.Digest) (_ context.Context, done func(), err error) {
	if err := d.Validate(); err != nil {
		return nil, nil, fmt.Errorf("layer digest %.80q: %w", string(d), err)
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, nil, ErrClosed
	}
	f.calls.Add(1)
	f.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(f.lifetime, func() { cancel(ErrClosed) })
	unlock, err := f.locks.lock(ctx, d)
	leave := func() {
		stop()
		cancel(nil)
		f.calls.Done()
	}
	if err != nil {
		leave()
		return nil, nil, fmt.Errorf("layer %s: %w", d, err)
	}
	return ctx, func() {
		f.stir()
		unlock()
		leave()
	}, nil
}

// goWork runs do in a goroutine that Close waits for, unless it has begun.
func (f *FileSystem) goWork(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.work.Go(do)
	}
}

// dir is where layer d is on disk.
func (f *FileSystem) dir(d digest.Digest) string {
	return filepath.Join(f.options.Root, layersName, d.Encoded())
}

// mountpoint reserves a name for layer d: as short as possible.
func (f *FileSystem) mountpoint(d digest.Digest) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	hex := d.Encoded()
	for n := shortName; ; n++ {
		name := hex[:min(n, len(hex))]
		if other, ok := f.names[name]; !ok || other == d || n >= len(hex) {
			f.names[name] = d
			return filepath.Join(f.options.Root, mountsName, name)
		}
	}
}

// entry is the entry of d, or nil.
func (f *FileSystem) entry(d digest.Digest) *entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[d]
}
