// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// Release takes the layer from owner. With the last owner it is unmounted, and
// removed from disk. Owners that do not have it are no error.
func (f *FileSystem) Release(ctx context.Context, layer digest.Digest, owner string) error {
	_, done, err := f.begin(ctx, layer)
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	defer done()
	e := f.entry(layer)
	if e == nil {
		return nil
	}
	if _, ok := e.owners[owner]; !ok || len(e.owners) > 1 {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(e.owners, owner)
		return nil
	}
	// The owner stays until everything is gone, so that it can ask again.
	if err := f.discard(layer, e); err != nil {
		return fmt.Errorf("release layer %s: %w", layer, err)
	}
	return nil
}

// discard unmounts and removes a layer. e is nil for one that is only on disk.
func (f *FileSystem) discard(d digest.Digest, e *entry) error {
	if e != nil && e.served != nil {
		if err := e.served.close(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	if e != nil {
		e.served = nil
	}
	for name, of := range f.names {
		if of == d {
			delete(f.names, name)
		}
	}
	f.mu.Unlock()
	if err := f.remove(d); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.entries, d)
	return nil
}

// remove removes a layer's directory, its record first.
func (f *FileSystem) remove(d digest.Digest) error {
	dir := f.dir(d)
	err := os.Remove(filepath.Join(dir, recordName))
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}
