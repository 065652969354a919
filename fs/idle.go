// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// idle are layers on disk that no snapshot uses, kept for the next pull.
type idle struct {
	mu     sync.Mutex // guards layers
	layers map[digest.Digest]idleLayer
}

type idleLayer struct {
	bytes int64 // on disk
	since time.Time
}

// add notes a layer.
func (i *idle) add(d digest.Digest, l idleLayer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.layers == nil {
		i.layers = make(map[digest.Digest]idleLayer)
	}
	i.layers[d] = l
}

// forget notes that a layer is used again, or gone.
func (i *idle) forget(d digest.Digest) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.layers, d)
}

// oldest is the layer that was used least recently, and the bytes of all.
func (i *idle) oldest() (d digest.Digest, bytes int64, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for other, l := range i.layers {
		bytes += l.bytes
		if !ok || l.since.Before(i.layers[d].since) {
			d, ok = other, true
		}
	}
	return d, bytes, ok
}

// keeps says whether the layer of e stays on disk without owners.
func (f *FileSystem) keeps(e *entry) bool {
	if f.options.MaxBytes <= 0 || e.record.Ztoc == "" {
		return false
	}
	_, lies := f.condemned.find(e.record.Layer, e.record.Ztoc)
	return !lies
}

// park stops serving a layer and keeps what is on disk.
func (f *FileSystem) park(d digest.Digest, e *entry) error {
	if err := f.stop(e); err != nil {
		return err
	}
	f.mu.Lock()
	delete(f.entries, d)
	f.mu.Unlock()
	now := time.Now()
	f.idle.add(d, idleLayer{bytes: diskUsage(f.dir(d)), since: now})
	return os.Chtimes(f.dir(d), now, now) // for the next process
}

// trim removes layers without owners, the least recently used first, until
// all layers together are below the cap.
func (f *FileSystem) trim(ctx context.Context) {
	for ctx.Err() == nil {
		d, bytes, ok := f.idle.oldest()
		if !ok || bytes+f.used() <= f.options.MaxBytes {
			return
		}
		if err := f.evict(ctx, d); err != nil {
			if !errors.Is(err, ErrClosed) {
				log.G(ctx).WithField("layer", d.String()).WithError(err).Warn("layer without users stays")
			}
			return
		}
	}
}

// evict removes a layer unless it has got an owner meanwhile.
func (f *FileSystem) evict(ctx context.Context, d digest.Digest) error {
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	f.idle.forget(d)
	if f.entry(d) != nil {
		return nil
	}
	return f.discard(d, nil)
}

// used is what the layers with owners occupy, in bytes.
func (f *FileSystem) used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var bytes int64
	for _, e := range f.entries {
		bytes += e.usage().Bytes
	}
	return bytes
}

// diskUsage is what is allocated below dir, in bytes.
func diskUsage(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(path string, _ iofs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			if st.Mode&unix.S_IFMT == unix.S_IFDIR {
				st.Nlink = 1
			}
			bytes += st.Blocks * 512 / int64(max(st.Nlink, 1)) // each name has its share
		}
		return nil
	})
	return bytes
}
