// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Options say how to convert an image.
type Options struct {
	// Indexes are the indexes of the image, of version 2, by the digest of
	// the image manifest as [Manifests] returned it. Those without layers
	// are ignored; the store must hold all blobs that the others name.
	Indexes map[digest.Digest]*index.Index
	// Platform is how the indexes are described; zero is RealPlatform.
	Platform PlatformPolicy
}

// Convert rewrites target, an OCI index, a Docker manifest list or a single
// manifest, into an OCI index that ties images and indexes together, and
// returns the descriptor of that. It puts all manifests it makes into s and
// removes none.
//
// Every image manifest that the store has is rewritten, indexed or not:
// canonical JSON, OCI media types for the manifest and a Docker config; layers
// and the config blob stay as they are. Its descriptor takes over the
// manifest's annotations and loses all others. Manifests that the store lacks
// stay as they are if they have no index. An index made for the same image or
// platform before is replaced in place.
//
// If nothing is indexed the error is [ErrEmpty], and nothing was written.
func Convert(ctx context.Context, s Store, target ocispec.Descriptor, o Options) (ocispec.Descriptor, error) {
	ix, err := load(ctx, s, target)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	c := &conversion{store: s, options: o, index: ix, placed: map[int]bool{}}
	if err := c.check(); err != nil {
		return ocispec.Descriptor{}, err
	}
	images := len(c.index.Manifests) // place appends
	for i := range images {
		if err := c.manifest(ctx, i); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	return put(ctx, s, ocispec.MediaTypeImageIndex, c.index)
}

type conversion struct {
	store   Store
	options Options
	index   ocispec.Index
	placed  map[int]bool // entries that this conversion wrote an index to
}

// indexed is the index to add for an entry, or nil.
func (c *conversion) indexed(desc ocispec.Descriptor) *index.Index {
	if ix := c.options.Indexes[desc.Digest]; ix != nil && len(ix.Layers) > 0 {
		return ix
	}
	return nil
}

// check finds faults before anything is written.
func (c *conversion) check() error {
	images := map[digest.Digest]bool{}
	for _, desc := range c.index.Manifests {
		images[desc.Digest] = isManifest(desc.MediaType) && !isArtifact(desc)
	}
	count := 0
	for d, ix := range c.options.Indexes {
		switch {
		case ix == nil || len(ix.Layers) == 0:
			continue
		case !images[d]:
			return fmt.Errorf("indexed manifest %s is not one of the image: %w", d, errdefs.ErrInvalidArgument)
		case ix.Version != 2:
			return fmt.Errorf("index of manifest %s has version %d, want 2: %w", d, ix.Version, errdefs.ErrInvalidArgument)
		}
		count++
	}
	if count == 0 {
		return ErrEmpty
	}
	return nil
}

// manifest rewrites entry i of the index.
func (c *conversion) manifest(ctx context.Context, i int) error {
	old := c.index.Manifests[i]
	if !isManifest(old.MediaType) || isArtifact(old) {
		return nil
	}
	ix := c.indexed(old)
	var m ocispec.Manifest
	if err := get(ctx, c.store, old, &m); err != nil {
		if errdefs.IsNotFound(err) && ix == nil {
			return nil
		}
		return fmt.Errorf("manifest: %w", err)
	}
	if isArtifactConfig(m) {
		return nil
	}
	artifact, err := c.annotate(ctx, &m, ix)
	if err != nil {
		return err
	}
	desc, err := c.putManifest(ctx, m)
	if err != nil {
		return err
	}
	entry := &c.index.Manifests[i]
	entry.MediaType, entry.Digest, entry.Size, entry.Annotations = desc.MediaType, desc.Digest, desc.Size, m.Annotations
	if ix == nil {
		return nil
	}
	p, err := platformOf(ctx, c.store, *entry, m)
	if err != nil {
		return err
	}
	artifact.Annotations = map[string]string{index.AnnotationManifestDigest: desc.Digest.String()}
	c.place(artifact, p, old.Digest)
	return nil
}

// annotate stores ix, unless it is nil, and names it in m.
func (c *conversion) annotate(ctx context.Context, m *ocispec.Manifest, ix *index.Index) (ocispec.Descriptor, error) {
	if ix == nil {
		return ocispec.Descriptor{}, nil
	}
	artifact, err := c.putIndex(ctx, ix)
	if err != nil {
		return artifact, err
	}
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[index.AnnotationIndexDigest] = artifact.Digest.String()
	return artifact, nil
}

func (c *conversion) putManifest(ctx context.Context, m ocispec.Manifest) (ocispec.Descriptor, error) {
	m.SchemaVersion = 2
	m.MediaType = ocispec.MediaTypeImageManifest
	if m.Config.MediaType == dockerConfig {
		m.Config.MediaType = ocispec.MediaTypeImageConfig
	}
	return put(ctx, c.store, m.MediaType, m)
}

func (c *conversion) putIndex(ctx context.Context, ix *index.Index) (ocispec.Descriptor, error) {
	b, err := ix.Encode()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	config := index.ConfigDescriptor(index.ArtifactTypeV2)
	if err := c.store.Put(ctx, config, []byte(index.EmptyConfig)); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("put config %s: %w", config.Digest, err)
	}
	desc, err := putBytes(ctx, c.store, ocispec.MediaTypeImageManifest, b)
	desc.ArtifactType = index.ArtifactTypeV2
	return desc, err
}

// place puts the descriptor of an index, for an image of platform p that was
// old before, where an earlier one for it is, or at the end.
func (c *conversion) place(artifact ocispec.Descriptor, p ocispec.Platform, old digest.Digest) {
	artifact.Platform = c.options.Platform.describe(p)
	image := digest.Digest(artifact.Annotations[index.AnnotationManifestDigest])
	at := c.find(func(e ocispec.Descriptor) bool {
		d := digest.Digest(e.Annotations[index.AnnotationManifestDigest])
		return d == image || d == old
	})
	if at < 0 {
		at = c.find(func(e ocispec.Descriptor) bool { return e.Platform != nil && samePlatform(*e.Platform, p) })
	}
	if at < 0 {
		at = len(c.index.Manifests)
		c.index.Manifests = append(c.index.Manifests, ocispec.Descriptor{})
	}
	c.index.Manifests[at] = artifact
	c.placed[at] = true
}

// find is the first entry of an earlier index that fits, or -1.
func (c *conversion) find(fits func(ocispec.Descriptor) bool) int {
	for i, e := range c.index.Manifests {
		if e.ArtifactType == index.ArtifactTypeV2 && !c.placed[i] && fits(e) {
			return i
		}
	}
	return -1
}
