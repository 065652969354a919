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
// removed from disk unless Options.MaxBytes lets it stay. Owners that do not
// have it are no error.
func (f *FileSystem) Release(ctx context.Context, layer digest.Digest, owner string) error {
	if err := f.release(ctx, layer, owner); err != nil {
		return fmt.Errorf("release layer %s: %w", layer, err)
	}
	f.trim(ctx)
	return nil
}

func (f *FileSystem) release(ctx context.Context, layer digest.Digest, owner string) error {
	_, done, err := f.begin(ctx, layer)
	if err != nil {
		return err
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
	if f.keeps(e) {
		return f.park(layer, e)
	}
	return f.discard(layer, e)
}

// stop unmounts the layer of e and ends what serves it. It may be called again
// after an error.
func (f *FileSystem) stop(e *entry) error {
	if e.plain != nil && e.plain.alias != "" {
		removeAlias(e.plain.alias)
	}
	if e.served != nil {
		if err := e.served.close(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e.served, e.plain = nil, nil
	for name, of := range f.names {
		if of == e.record.Layer {
			delete(f.names, name)
		}
	}
	return nil
}

// discard unmounts and removes a layer. e is nil for one that is only on disk.
func (f *FileSystem) discard(d digest.Digest, e *entry) error {
	if e != nil {
		if err := f.stop(e); err != nil {
			return err
		}
	}
	if err := f.remove(d); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.entries, d)
	return nil
}

// remove removes a layer's directory, what vouches for it first.
func (f *FileSystem) remove(d digest.Digest) error {
	dir := f.dir(d)
	for _, name := range []string{recordCopy, recordName} {
		err := os.Remove(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(dir)
}
