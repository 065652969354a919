// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
)

// Convert indexes the image src and writes to dst the same image with its
// indexes (v2). Both may be of any kind, and the same.
func Convert(ctx context.Context, src, dst place.Image, o Options) (*Report, error) {
	p, err := load(ctx, src)
	if err != nil {
		return nil, err
	}
	chosen, err := p.choose(o)
	if err != nil {
		return nil, err
	}
	if err, ok := hopeless(chosen, o); ok {
		return nil, err // before anything is copied
	}
	c := &conversion{src: src, dst: dst, options: o, picture: p, made: newOverlay(src)}
	w, err := c.layers(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := c.leaveOut(w.copier); err != nil {
		return nil, err
	}
	rep := &Report{Source: src.Name().String(), Destination: dst.Name().String()}
	indexes := map[digest.Digest]*index.Index{}
	for _, m := range chosen {
		r, ix, err := w.bind(ctx, m)
		if err != nil {
			return nil, err
		}
		if ix != nil {
			indexes[m.desc.Digest] = ix
		}
		rep.Platforms = append(rep.Platforms, r)
	}
	if len(indexes) == 0 {
		return nil, &NothingError{rep.Platforms}
	}
	desc, err := convert.Convert(ctx, c.made, c.picture.root, convert.Options{Indexes: indexes, Platform: o.IndexPlatform})
	if err != nil {
		return nil, err
	}
	rep.Digest = desc.Digest
	return rep, c.publish(ctx, desc)
}

// conversion is the state of one Convert.
type conversion struct {
	src, dst place.Image
	options  Options
	picture  *picture
	made     *overlay
}

// leaveOut drops entries that the source lacks, or of which it has the
// manifest only, from an image that goes elsewhere: there they would lead
// nowhere, and registries refuse that.
func (c *conversion) leaveOut(copied *copier) error {
	p := c.picture
	absent := slices.Clone(p.absent)
	for _, m := range p.manifests {
		if !copied.complete(m) {
			absent = append(absent, m.desc)
		}
	}
	if len(absent) == 0 || copied == nil {
		return nil
	}
	ix := *p.index
	ix.Manifests = slices.DeleteFunc(slices.Clone(ix.Manifests), func(d ocispec.Descriptor) bool {
		return slices.ContainsFunc(absent, func(a ocispec.Descriptor) bool { return a.Digest == d.Digest })
	})
	for _, d := range absent {
		c.options.Display.Printf("manifest %s%s: left out, %s does not have it", short(d.Digest), platformOf(d), c.src.Name())
	}
	b, err := json.Marshal(ix)
	if err != nil {
		return fmt.Errorf("encode index: %w", err)
	}
	p.root = ocispec.Descriptor{MediaType: p.root.MediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
	c.made.add(p.root, b)
	return nil
}

// layers copies the image's blobs and indexes the chosen layers, both as far
// as possible at the same time.
func (c *conversion) layers(ctx context.Context, chosen []*manifest) (*worker, error) {
	w := &worker{from: c.src, dst: c.dst, options: c.options}
	w.copier = newCopier(c.src, c.dst, c.options.Display)
	for _, m := range chosen {
		w.copier.add(m)
	}
	for _, m := range c.picture.manifests {
		w.copier.offer(m)
	}
	if w.copier != nil && c.dst.Local() {
		w.from = c.dst // what was copied is near, and verified
	}
	w.known = reusable(ctx, w.from, c.options)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.copier.run(ctx) })
	g.Go(func() error { return w.layers(ctx, chosen) })
	return w, g.Wait()
}

// bind makes the v2 index of a manifest and stores it; nil if it has none.
func (w *worker) bind(ctx context.Context, m *manifest) (PlatformReport, *index.Index, error) {
	ix, artifacts, rep, err := w.index(m)
	if err != nil {
		return rep, nil, err
	}
	if ix == nil {
		w.options.Display.Printf("%s: no layer could be indexed", rep.Platform)
		return rep, nil, nil
	}
	desc, _, err := w.store(ctx, ix, artifacts)
	if err != nil {
		return rep, nil, fmt.Errorf("platform %s: %w", rep.Platform, err)
	}
	rep.Index = desc.Digest
	w.options.Display.Printf("%s: index %s", rep.Platform, desc.Digest)
	return rep, ix, nil
}

// publish puts the manifests of the converted image to the destination and
// tags it.
func (c *conversion) publish(ctx context.Context, desc ocispec.Descriptor) error {
	b, err := c.made.Get(ctx, desc)
	if err != nil {
		return err
	}
	var ix ocispec.Index
	if err := json.Unmarshal(b, &ix); err != nil {
		return fmt.Errorf("converted index %s: %w", desc.Digest, err)
	}
	for _, m := range ix.Manifests {
		if err := c.publishManifest(ctx, m); err != nil {
			return fmt.Errorf("publish manifest %s: %w", m.Digest, err)
		}
	}
	if err := c.dst.Put(ctx, desc, place.Bytes(b)); err != nil {
		return fmt.Errorf("publish index %s: %w", desc.Digest, err)
	}
	return c.dst.Tag(ctx, desc, b)
}

// publishManifest puts one entry of the image. Indexes that were in the image
// before, of platforms not chosen now, bring their ztocs along.
func (c *conversion) publishManifest(ctx context.Context, desc ocispec.Descriptor) error {
	if b, ok := c.made.bytes[desc.Digest]; ok {
		return c.dst.Put(ctx, desc, place.Bytes(b))
	}
	if c.src.Name().SamePlace(c.dst.Name()) {
		return nil
	}
	if isIndex(desc) {
		m, err := loadManifest(ctx, c.src, desc)
		if err != nil {
			return err
		}
		copied := newCopier(c.src, c.dst, c.options.Display)
		copied.add(m)
		if err := copied.run(ctx); err != nil {
			return err
		}
	}
	return c.dst.Put(ctx, desc, from(ctx, c.src, desc))
}

// overlay is the store a conversion works on: what it makes stays in memory,
// the rest is the source's.
type overlay struct {
	src   place.Source
	bytes map[digest.Digest][]byte
}

var _ convert.Store = (*overlay)(nil)

func newOverlay(src place.Source) *overlay {
	return &overlay{src: src, bytes: map[digest.Digest][]byte{}}
}

func (o *overlay) add(desc ocispec.Descriptor, b []byte) { o.bytes[desc.Digest] = b }

// Get implements convert.Store.
func (o *overlay) Get(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if b, ok := o.bytes[desc.Digest]; ok {
		return b, nil
	}
	b, err := place.ReadAll(ctx, o.src, desc, maxConfig)
	if errdefs.IsNotFound(err) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	return b, nil
}

// Put implements convert.Store.
func (o *overlay) Put(_ context.Context, desc ocispec.Descriptor, b []byte) error {
	o.add(desc, b)
	return nil
}
