// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
)

// PushReport says what was pushed.
type PushReport struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Image is the digest of an image with v2 indexes that was pushed whole.
	Image string `json:"image,omitempty"`
	// Indexes are the digests of v1 indexes that were pushed.
	Indexes []string `json:"indexes,omitempty"`
}

// ErrNoIndex says that an image has nothing to push.
var ErrNoIndex = errors.New("image has no index, make one with spry create or spry convert")

// Push brings the indexes of src to the registry dst: the whole image if it
// names v2 indexes, only the v1 indexes of the chosen platforms otherwise,
// whose image must be in the registry.
func Push(ctx context.Context, src, dst place.Image, o Options) (*PushReport, error) {
	p, err := load(ctx, src)
	if err != nil {
		return nil, err
	}
	rep := &PushReport{Source: src.Name().String(), Destination: dst.Name().String()}
	if len(p.indexes) > 0 {
		rep.Image = p.root.Digest.String()
		return rep, pushImage(ctx, src, dst, p, o)
	}
	chosen, err := p.choose(o)
	if err != nil {
		return nil, err
	}
	found, err := newest(ctx, src, chosen)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if err := pushIndex(ctx, src, dst, f, o); err != nil {
			return nil, err
		}
		rep.Indexes = append(rep.Indexes, f.Desc.Digest.String())
		o.Display.Printf("pushed index %s of %s", f.Desc.Digest, f.Manifest)
	}
	return rep, nil
}

// pushImage pushes everything of an image.
func pushImage(ctx context.Context, src, dst place.Image, p *picture, o Options) error {
	for _, desc := range p.absent {
		if _, err := place.ReadManifest(ctx, dst, desc); errdefs.IsNotFound(err) {
			return fmt.Errorf("manifest %s%s is neither at %s nor at %s, registries want all of an image", desc.Digest, platformOf(desc), src.Name(), dst.Name())
		}
	}
	all := p.manifests
	for _, desc := range p.indexes {
		m, err := loadManifest(ctx, src, desc)
		if err != nil {
			return fmt.Errorf("index %s: %w", desc.Digest, err)
		}
		all = append(all, m)
	}
	c := newCopier(src, dst, o.Display)
	for _, m := range all {
		c.add(m)
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	for _, m := range all {
		if err := dst.Put(ctx, m.desc, from(ctx, src, m.desc)); err != nil {
			return fmt.Errorf("push %s: %w", m.desc.Digest, err)
		}
	}
	b, err := place.ReadManifest(ctx, src, p.root)
	if err != nil {
		return err
	}
	return dst.Tag(ctx, p.root, b)
}

// newest finds the last made v1 index of each manifest.
func newest(ctx context.Context, src place.Image, chosen []*manifest) ([]place.Found, error) {
	p, ok := src.(place.Indexed)
	if !ok {
		return nil, fmt.Errorf("push from %s: %w", src.Name(), errors.ErrUnsupported)
	}
	all, err := p.Indexes(ctx)
	if err != nil {
		return nil, err
	}
	var out []place.Found
	for _, m := range chosen {
		var last *place.Found
		for _, f := range all {
			if f.Index.Version == 1 && f.Manifest == m.desc.Digest {
				last = &f
			}
		}
		if last != nil {
			out = append(out, *last)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", src.Name(), ErrNoIndex)
	}
	return out, nil
}

// pushIndex pushes a v1 index. Registries may refuse or forget an index whose
// image they do not have.
func pushIndex(ctx context.Context, src, dst place.Image, f place.Found, o Options) error {
	if _, err := place.ReadManifest(ctx, dst, *f.Index.Subject); err != nil {
		if errdefs.IsNotFound(err) {
			return fmt.Errorf("image manifest %s is not at %s, push the image first", f.Manifest, dst.Name())
		}
		return err
	}
	for _, desc := range f.Blobs() {
		open := from(ctx, src, desc)
		if desc.Digest == index.ConfigDescriptor("").Digest {
			open = place.Bytes([]byte(index.EmptyConfig)) // snapshotters do not keep it
		}
		t := o.Display.Task("push "+short(desc.Digest), desc.Size)
		err := dst.Put(ctx, desc, open)
		t.Done("")
		if err != nil {
			return fmt.Errorf("push %s: %w", desc.Digest, err)
		}
	}
	b, err := place.ReadManifest(ctx, src, f.Desc)
	if err != nil {
		return err
	}
	err = dst.Attach(ctx, place.Attachment{Subject: *f.Index.Subject, Desc: f.Desc, Manifest: b})
	if err != nil {
		return fmt.Errorf("push index %s: %w", f.Desc.Digest, err)
	}
	return nil
}

// from opens content of src.
func from(ctx context.Context, src place.Source, desc ocispec.Descriptor) place.Content {
	return func() (io.ReadCloser, error) { return src.Open(ctx, desc) }
}

// platformOf is " of PLATFORM" if a descriptor has one.
func platformOf(desc ocispec.Descriptor) string {
	if desc.Platform == nil {
		return ""
	}
	return " of " + platforms.Format(*desc.Platform)
}
