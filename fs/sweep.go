// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// Sweep removes every layer without an owner, as far as Options.MaxBytes does not
// let it stay, and what else is lying around.
// Call it when every owner was restored. It goes on after errors.
func (f *FileSystem) Sweep(ctx context.Context) error {
	dirs, err := os.ReadDir(filepath.Join(f.options.Root, layersName))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var failed []error
	for _, dir := range dirs {
		if ctx.Err() != nil {
			failed = append(failed, context.Cause(ctx))
			break
		}
		if err := f.sweepDir(ctx, dir.Name()); err != nil {
			failed = append(failed, fmt.Errorf("sweep: %w", err))
		}
	}
	failed = append(failed, f.sweepMounts())
	f.trim(ctx)
	return errors.Join(failed...)
}

// sweepDir removes one directory of layers, unless it has an owner.
func (f *FileSystem) sweepDir(ctx context.Context, name string) error {
	d, ok := digestOf(name)
	if !ok {
		return os.RemoveAll(filepath.Join(f.options.Root, layersName, name))
	}
	_, done, err := f.begin(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	e := f.entry(d)
	if e != nil && len(e.owners) > 0 {
		return nil
	}
	if e == nil && f.options.MaxBytes > 0 && f.adoptIdle(d) {
		return nil
	}
	return f.discard(d, e)
}

// adoptIdle keeps a layer that an earlier process left on disk, if it is
// usable.
func (f *FileSystem) adoptIdle(d digest.Digest) bool {
	rec, err := loadRecord(f.dir(d), d)
	if err != nil || !f.keeps(&entry{record: rec}) {
		return false
	}
	st, err := os.Stat(f.dir(d))
	if err != nil {
		return false
	}
	f.idle.add(d, idleLayer{bytes: diskUsage(f.dir(d)), since: st.ModTime()})
	return true
}

// digestOf is the digest whose layer has a directory of that name.
func digestOf(name string) (digest.Digest, bool) {
	var d digest.Digest
	switch len(name) {
	case hex.EncodedLen(sha256.Size):
		d = digest.NewDigestFromEncoded(digest.SHA256, name)
	case hex.EncodedLen(sha512.Size384):
		d = digest.NewDigestFromEncoded(digest.SHA384, name)
	case hex.EncodedLen(sha512.Size):
		d = digest.NewDigestFromEncoded(digest.SHA512, name)
	}
	return d, d.Validate() == nil
}

// sweepMounts removes mountpoints that no layer has.
func (f *FileSystem) sweepMounts() error {
	dir := filepath.Join(f.options.Root, mountsName)
	points, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range points {
		if _, used := f.names[p.Name()]; !used {
			// Under the lock, so that no mount takes the name meanwhile; one
			// rmdir, which leaves alone what is not empty.
			removeAlias(filepath.Join(dir, p.Name()))
		}
	}
	return nil
}
