// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// Mount makes ref's layer available to owner, which may have it already. When
// it returns nil the layer is mounted and can be mounted again without network
// ([FileSystem.Restore]).
//
// Errors match [index.ErrNoIndex] if the image has no index, [index.ErrNotLazy]
// if this layer has to be unpacked, with the reason; others (the network, the
// disk, the end of ctx) may pass, and nothing of them is remembered.
func (f *FileSystem) Mount(ctx context.Context, ref index.LayerRef, owner string) error {
	ctx, done, err := f.begin(ctx, ref.Layer)
	if err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	defer done()
	defer f.starting.done(ref.Manifest, ref.Layer)
	if err := f.mountLayer(ctx, ref, owner); err != nil {
		return fmt.Errorf("mount layer %s of %s: %w", ref.Layer, ref.Image, err)
	}
	return nil
}

func (f *FileSystem) mountLayer(ctx context.Context, ref index.LayerRef, owner string) error {
	rec, known := f.known(ref.Layer)
	if _, lies := f.condemned.find(ref.Layer, rec.Ztoc); lies {
		known = false
	}
	if known && rec.vouches(ref) {
		if err := f.share(rec, ref, owner); !errors.Is(err, errUnusable) {
			return err
		}
		known = false
	}
	found, err := f.options.Finder.Find(ctx, ref)
	if err != nil {
		return err
	}
	f.artifacts.ahead(ref, found, f.wants)
	f.expectStart(ref, found)
	forms := formsOf(found.Index, ref.Layer)
	if len(forms) == 0 {
		return fmt.Errorf("%w: index %s has no ztoc for it", index.ErrNotLazy, found.Digest)
	}
	same := func(m form) bool { return m.desc.Digest == rec.Ztoc }
	if known && slices.ContainsFunc(forms, same) {
		if err := f.share(rec, ref, owner); !errors.Is(err, errUnusable) {
			return err
		}
	}
	if e := f.entry(ref.Layer); e != nil && (e.served != nil || e.plain != nil) {
		if c, lies := f.condemned.find(ref.Layer, rec.Ztoc); lies {
			return c.Err()
		}
		return fmt.Errorf("%w: mounted with index %s, %s names %s",
			index.ErrNotLazy, rec.Ztoc, found.Digest, forms)
	}
	return f.createAny(ctx, ref, owner, plan{found: found, forms: forms})
}

// known is what this host knows of a layer: mounted, or left on disk.
func (f *FileSystem) known(d digest.Digest) (record, bool) {
	if e := f.entry(d); e != nil {
		return e.record, e.record.Ztoc != ""
	}
	rec, err := loadRecord(f.dir(d), d)
	if err != nil && !errdefs.IsNotFound(err) {
		log.L.WithField("layer", d.String()).WithError(err).Warn("what is left of layer is not used")
	}
	return rec, err == nil
}

// wants says whether the index of a layer will be needed.
func (f *FileSystem) wants(d digest.Digest) bool { return f.entry(d) == nil }

// share adds owner, and ref's image, to a layer that this host has.
func (f *FileSystem) share(rec record, ref index.LayerRef, owner string) error {
	e := f.entry(ref.Layer)
	if e == nil {
		e = f.newEntry(rec)
	}
	if err := f.revive(e, true); err != nil {
		return err
	}
	if changed, ok := rec.with(ref); ok {
		if err := changed.write(f.dir(ref.Layer)); err != nil {
			// The old record is good enough to mount the layer again.
			log.L.WithField("layer", ref.Layer.String()).WithField("image", ref.Image).WithError(err).Warn("image of layer not recorded")
		}
		if s := e.served; s != nil && !slices.Contains(rec.Images, ref.Image) {
			s.source.add(ref.Image)
		}
		rec = changed
	}
	f.put(e, rec, owner)
	return nil
}

// put enters e with one more owner.
func (f *FileSystem) put(e *entry, rec record, owner string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.record = rec
	e.owners[owner] = struct{}{}
	f.entries[rec.Layer] = e
}

// plan is how to make a layer lazy.
type plan struct {
	found *discover.Found
	forms []form // of its index, the best one first
	form  form   // the one in use
}

// createAny sets a layer up from the first form of its index that is usable.
func (f *FileSystem) createAny(ctx context.Context, ref index.LayerRef, owner string, p plan) error {
	var failed []error
	for _, p.form = range p.forms {
		if c, lies := f.condemned.find(ref.Layer, p.form.desc.Digest); lies {
			failed = append(failed, c.Err())
			continue
		}
		err := f.create(ctx, ref, owner, p)
		if err == nil || !errors.Is(err, index.ErrNotLazy) {
			return err
		}
		failed = append(failed, err)
		log.G(ctx).WithField("layer", ref.Layer.String()).WithField("image", ref.Image).WithError(err).Debug("form of index not usable")
	}
	return errors.Join(failed...)
}

// create sets a layer up from one form of its index.
func (f *FileSystem) create(ctx context.Context, ref index.LayerRef, owner string, p plan) error {
	rec, _ := record{Layer: ref.Layer, Size: ref.Size, Ztoc: p.form.desc.Digest}.with(ref)
	s, err := f.build(ctx, ref, &rec, p)
	if err != nil {
		return err
	}
	e := f.entry(ref.Layer) // that could not be restored
	if e == nil {
		e = &entry{owners: map[string]struct{}{}, xattrs: xattrsUndecided}
	}
	if e.xattrs == xattrsHidden { // its directory is a new one
		if err := f.storeHidden(ref.Layer); err != nil {
			return errors.Join(err, s.close(), f.remove(ref.Layer))
		}
	}
	f.mu.Lock()
	e.served, e.err = s, nil
	f.mu.Unlock()
	f.put(e, rec, owner)
	f.idle.forget(ref.Layer)
	return nil
}

// build loads one form of a layer's index and mounts the layer; it completes rec.
func (f *FileSystem) build(ctx context.Context, ref index.LayerRef, rec *record, p plan) (*served, error) {
	ctx, cancel := f.artifacts.bound(ctx, p.found.Digest)
	defer cancel()
	b, err := f.artifacts.get(ctx, ref, p.form)
	if err != nil {
		return nil, f.artifacts.late(ctx, p.found.Digest, notLoaded(ctx, p.form, err))
	}
	s, err := f.install(ctx, rec, p.form, b, func(o *layer.Options) { o.Prefetch = f.prefetch(ref, p, o.Spans) })
	if err != nil {
		return nil, errors.Join(f.artifacts.late(ctx, p.found.Digest, err), f.remove(ref.Layer))
	}
	return s, nil
}

// notLoaded sorts the error of loading an index: what will not pass means that
// it does not make the layer lazy.
func notLoaded(ctx context.Context, m form, err error) error {
	gone := errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) ||
		errors.Is(err, remote.ErrCorrupt) || errors.Is(err, remote.ErrTooLarge)
	if ctx.Err() == nil && gone {
		return fmt.Errorf("%w: %s: %w", index.ErrNotLazy, m, err)
	}
	return fmt.Errorf("%s: %w", m, err)
}

// install writes a layer's directory, with the index b in the form that is
// mapped, and mounts the layer. The record, which makes it last, is written
// when everything else has worked; it gets the size of the blob from the index,
// as containerd does not say it.
func (f *FileSystem) install(ctx context.Context, rec *record, m form, b []byte, last func(*layer.Options)) (*served, error) {
	if err := f.remove(rec.Layer); err != nil { // rubbish, or of another index
		return nil, err
	}
	dir := f.dir(rec.Layer)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	z, err := writeIndex(dir, *rec, m, b)
	if err != nil {
		return nil, err
	}
	if z != nil {
		if err := checkPrefix(ctx, z, newSource(f.options.Registry, rec.Layer, rec.Images)); err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
	}
	s, err := f.serve(*rec, last)
	if err != nil {
		return nil, err
	}
	rec.Size = s.index.layer.CompressedSize()
	if err := rec.write(dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}
