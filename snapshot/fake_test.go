// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// plan says what a fake file system does with a layer.
type plan struct {
	files     map[string]string // content of the layer
	mountErr  error
	unpackErr error
	diffID    digest.Digest // of Unpack
	hashed    digest.Digest // when it is plain
	unfit     digest.Digest // the layer that this one cannot be lazy above
	block     chan struct{} // Mount waits for it or for its ctx
	entered   chan struct{} // Mount announces itself here
}

// fakeFS is a snapshot.FileSystem whose mounted layers are real directories.
type fakeFS struct {
	root string

	mu       sync.Mutex
	plans    map[digest.Digest]plan
	owners   map[digest.Digest][]string
	broken   map[digest.Digest]error // what Check says
	mounts   int
	unpacked []index.Lower // below the layer of the last Unpack
	swept    int
}

var _ snapshot.FileSystem = (*fakeFS)(nil)

func newFakeFS(t *testing.T) *fakeFS {
	return &fakeFS{
		root:   t.TempDir(),
		plans:  map[digest.Digest]plan{},
		owners: map[digest.Digest][]string{},
		broken: map[digest.Digest]error{},
	}
}

func (f *fakeFS) path(layer digest.Digest) string {
	return filepath.Join(f.root, layer.Encoded()[:12])
}

func (f *fakeFS) plan(layer digest.Digest) plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.plans[layer]
	if !ok {
		p.mountErr = index.ErrNoIndex
	}
	return p
}

func (f *fakeFS) Mount(ctx context.Context, ref index.LayerRef, owner string) error {
	p := f.plan(ref.Layer)
	if p.entered != nil {
		p.entered <- struct{}{}
	}
	if p.block != nil {
		select {
		case <-p.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if p.mountErr != nil {
		return fmt.Errorf("layer %s: %w", ref.Layer, p.mountErr)
	}
	if err := writeFiles(f.path(ref.Layer), p.files); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mounts++
	delete(f.broken, ref.Layer)
	if !slices.Contains(f.owners[ref.Layer], owner) {
		f.owners[ref.Layer] = append(f.owners[ref.Layer], owner)
	}
	return nil
}

func (f *fakeFS) Restore(ctx context.Context, layer digest.Digest, owner string) error {
	return f.Mount(ctx, index.LayerRef{Layer: layer}, owner)
}

func (f *fakeFS) Sweep(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.swept++
	return nil
}

func (f *fakeFS) Release(_ context.Context, layer digest.Digest, owner string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.owners[layer], owner)
	if i < 0 {
		return fmt.Errorf("layer %s has no owner %s", layer, owner)
	}
	f.owners[layer] = slices.Delete(f.owners[layer], i, i+1)
	if len(f.owners[layer]) > 0 {
		return nil
	}
	delete(f.owners, layer)
	return os.RemoveAll(f.path(layer))
}

func (f *fakeFS) Dir(layer digest.Digest) (string, error) { return f.path(layer), nil }

// Short is a path that is not there, with as few characters as make it another
// one for each layer.
func (f *fakeFS) Short(layer digest.Digest) (string, error) { return "/s/" + layer.Encoded()[:4], nil }

func (f *fakeFS) Check(_ context.Context, layer digest.Digest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken[layer]; err != nil {
		return err
	}
	if len(f.owners[layer]) == 0 {
		return errors.New("not mounted")
	}
	return nil
}

func (f *fakeFS) Fits(_ context.Context, layer digest.Digest, lowers []index.Lower) error {
	unfit := f.plan(layer).unfit
	for _, l := range lowers {
		if l.Layer == unfit && unfit != "" {
			return fmt.Errorf("%w: not above %s", index.ErrNotLazy, unfit)
		}
	}
	return nil
}

func (f *fakeFS) FitsAny(_ context.Context, layer digest.Digest) error {
	if f.plan(layer).unfit != "" {
		return fmt.Errorf("%w: not above all layers", index.ErrNotLazy)
	}
	return nil
}

func (f *fakeFS) DiffID(layer digest.Digest) digest.Digest { return f.plan(layer).hashed }

func (f *fakeFS) Usage(context.Context, digest.Digest) (bytes, inodes int64, err error) {
	return 4711, 42, nil
}

func (f *fakeFS) Unpack(_ context.Context, ref index.LayerRef, dir string, lowers []index.Lower) (digest.Digest, error) {
	p := f.plan(ref.Layer)
	if err := writeFiles(dir, p.files); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unpacked = lowers
	return p.diffID, p.unpackErr
}

// ownersOf is a copy of the owners of all layers.
func (f *fakeFS) ownersOf(layer digest.Digest) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.owners[layer])
}

func writeFiles(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
