// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// ErrBound says that an index cannot be removed alone, since an image names
// it.
var ErrBound = errors.New("the index is part of an image, remove the image instead")

// boundIndexes lists the v2 indexes of the image at root, which is called
// name, and notes the platforms of its manifests. Content that is missing or
// malformed is passed over: a listing shows what there is.
func boundIndexes(ctx context.Context, src Source, root ocispec.Descriptor, name string) ([]Found, map[digest.Digest]*ocispec.Platform) {
	manifests := map[digest.Digest]*ocispec.Platform{root.Digest: root.Platform}
	if !images.IsIndexType(root.MediaType) {
		if root.Platform == nil {
			manifests[root.Digest] = configPlatform(ctx, src, root)
		}
		return nil, manifests
	}
	var ix ocispec.Index
	b, err := ReadManifest(ctx, src, root)
	if err != nil || json.Unmarshal(b, &ix) != nil {
		return nil, manifests
	}
	var found []Found
	for _, m := range ix.Manifests {
		if m.ArtifactType != index.ArtifactTypeV2 {
			manifests[m.Digest] = m.Platform
			continue
		}
		f, err := readIndex(ctx, src, m)
		if err != nil {
			continue
		}
		f.Manifest = digest.Digest(m.Annotations[index.AnnotationManifestDigest])
		f.Images = []string{name}
		found = append(found, f)
	}
	for i, f := range found {
		if p := manifests[f.Manifest]; p != nil {
			found[i].Platform = p
		}
	}
	return found, manifests
}

// configPlatform is what the config of an image manifest says; nil if that
// cannot be read.
func configPlatform(ctx context.Context, src Source, desc ocispec.Descriptor) *ocispec.Platform {
	var m ocispec.Manifest
	var p ocispec.Platform
	b, err := ReadManifest(ctx, src, desc)
	if err != nil || json.Unmarshal(b, &m) != nil || !images.IsConfigType(m.Config.MediaType) {
		return nil
	}
	b, err = ReadAll(ctx, src, m.Config, maxConfig)
	if err != nil || json.Unmarshal(b, &p) != nil || p.OS == "" {
		return nil
	}
	return &p
}

// readIndex reads an index manifest.
func readIndex(ctx context.Context, src Source, desc ocispec.Descriptor) (Found, error) {
	b, err := ReadAll(ctx, src, desc, index.MaxSize)
	if err != nil {
		return Found{}, err
	}
	ix, err := index.Parse(b)
	if err != nil {
		return Found{}, fmt.Errorf("index %s: %w", desc.Digest, err)
	}
	desc.Size = int64(len(b))
	f := Found{Desc: desc, Index: ix, Platform: desc.Platform}
	if ix.Subject != nil {
		f.Manifest = ix.Subject.Digest
	}
	return f, nil
}

// layoutIndexes lists the indexes of a layout.
func layoutIndexes(ctx context.Context, src Image, ix ocispec.Index) []Found {
	var found, attached []Found
	platforms := map[digest.Digest]*ocispec.Platform{}
	names := map[digest.Digest][]string{}
	for _, m := range ix.Manifests {
		if isArtifact(m) {
			if f, err := readIndex(ctx, src, m); err == nil {
				attached = append(attached, f)
			}
			continue
		}
		name := src.Name()
		name.Tag = tagOf(m)
		bound, manifests := boundIndexes(ctx, src, m, name.String())
		found = append(found, bound...)
		for d, p := range manifests {
			names[d] = append(names[d], name.String())
			if p != nil {
				platforms[d] = p
			}
		}
	}
	for _, f := range attached {
		f.Platform = platforms[f.Manifest]
		f.Images = names[f.Manifest]
		found = append(found, f)
	}
	return found
}

// withoutIndex is ix without the v1 index dgst, and the blobs nobody uses
// then.
func withoutIndex(ctx context.Context, src Image, ix ocispec.Index, dgst digest.Digest) (ocispec.Index, []digest.Digest, error) {
	var gone *Found
	used := map[digest.Digest]bool{}
	for _, f := range layoutIndexes(ctx, src, ix) {
		if f.Desc.Digest == dgst && f.Index.Version == 2 {
			return ix, nil, fmt.Errorf("index %s of %v: %w", dgst, f.Images, ErrBound)
		}
		if f.Desc.Digest == dgst {
			gone = &f
			continue
		}
		for _, d := range f.Blobs() {
			used[d.Digest] = true
		}
	}
	if gone == nil {
		return ix, nil, fmt.Errorf("index %s: %w", dgst, errdefs.ErrNotFound)
	}
	out := newIndexFile(ix)
	for _, m := range ix.Manifests {
		if m.Digest != dgst {
			out.Manifests = append(out.Manifests, m)
		}
	}
	unused := []digest.Digest{dgst}
	for _, d := range gone.Blobs() {
		if !used[d.Digest] {
			unused = append(unused, d.Digest)
		}
	}
	return out, unused, nil
}

// Blobs describes what the index refers to: its config, its ztocs, its
// prefetch artifacts and its compact indexes.
func (f Found) Blobs() []ocispec.Descriptor {
	artifact := index.ArtifactTypeV1
	if f.Index.Version == 2 {
		artifact = index.ArtifactTypeV2
	}
	blobs := []ocispec.Descriptor{index.ConfigDescriptor(artifact)}
	for _, l := range f.Index.Layers {
		blobs = append(blobs, l.Descriptor)
	}
	for _, p := range f.Index.Prefetch {
		blobs = append(blobs, p.Descriptor)
	}
	for _, c := range f.Index.Compact {
		blobs = append(blobs, c.Descriptor)
	}
	return append(blobs, f.Index.Other...)
}
