// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/compact"
)

// longestHeal is the longest pause between two attempts to heal a layer.
const longestHeal = 30 * time.Second

// again loads the index of rec from the registry of any of its images.
func (f *FileSystem) again(rec record) (b []byte, m form, err error) {
	ctx, cancel := context.WithTimeout(f.lifetime, f.options.IndexTimeout)
	defer cancel()
	m.desc = ocispec.Descriptor{Digest: rec.Ztoc}
	limit := max(form{compact: true}.limit(), form{}.limit())
	failed := []error{errors.New("index is damaged and cannot be loaded again")}
	for _, image := range rec.Images {
		ref := index.LayerRef{Image: image, Layer: rec.Layer, Size: rec.Size}
		if b, err = f.options.Finder.Artifact(ctx, ref, m.desc, limit); err == nil {
			m.compact = compact.IsIndex(b)
			return b, m, nil
		}
		failed = append(failed, err)
	}
	return nil, m, errors.Join(failed...)
}

// repair replaces the file of an index in use whose windows the disk lost.
func (f *FileSystem) repair(rec record, m *mapping) error {
	was := m.file.Load()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file.Load() != was {
		return nil // it has been done meanwhile
	}
	b, form, err := f.again(rec)
	if err == nil {
		_, err = writeIndex(f.dir(rec.Layer), rec, form, b)
	}
	if err == nil {
		err = m.replacedLocked(filepath.Join(f.dir(rec.Layer), indexName))
	}
	if err != nil {
		return fmt.Errorf("repair index: %w", err)
	}
	log.L.WithField("layer", rec.Layer.String()).WithField("index", rec.Ztoc.String()).Warn("index on disk was damaged, loaded again")
	return nil
}

// healLater has the index of a layer loaded again that could not be used,
// until that works or nobody wants it any more: containers of an earlier
// process may wait for it.
func (f *FileSystem) healLater(d digest.Digest) {
	rec, err := loadRecord(f.dir(d), d)
	if err != nil {
		return
	}
	f.goWork(func() {
		for pause := time.Second; ; pause = min(2*pause, longestHeal) {
			over, err := f.heal(rec)
			if over {
				return
			}
			log.L.WithField("layer", d.String()).WithError(err).Debug("layer is not healed yet")
			select {
			case <-time.After(pause):
			case <-f.lifetime.Done():
				return
			}
		}
	})
}

// heal makes one attempt. over says that there is nothing more to do.
func (f *FileSystem) heal(rec record) (over bool, err error) {
	b, m, err := f.again(rec)
	if f.lifetime.Err() != nil {
		return true, err
	}
	_, done, lockErr := f.begin(f.lifetime, rec.Layer)
	if lockErr != nil {
		return true, lockErr
	}
	defer done()
	e := f.entry(rec.Layer)
	if e == nil || len(e.owners) == 0 || e.served != nil || e.plain != nil {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if _, err = writeIndex(f.dir(rec.Layer), rec, m, b); err == nil {
		err = f.revive(e, false)
	}
	if err == nil {
		log.L.WithField("layer", rec.Layer.String()).WithField("index", rec.Ztoc.String()).Warn("index on disk was damaged, loaded again")
	}
	return err == nil || errors.Is(err, index.ErrNotLazy), err
}
