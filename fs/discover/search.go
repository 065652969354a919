// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

const (
	// maxManifest bounds an image manifest, as containerd does.
	maxManifest = 4 << 20
	// maxCandidates is how many v1 indexes of one image are looked at.
	maxCandidates = 8
)

// search goes the ways of the package comment once.
func (f *Finder) search(ctx context.Context, ref index.LayerRef) (*Found, error) {
	if ref.Index != "" {
		return f.load(ctx, ref, manifest(ref.Index), SourceLabel)
	}
	if ref.Manifest == "" {
		return nil, fmt.Errorf("%w: neither index nor manifest digest given", index.ErrNoIndex)
	}
	named, err := f.annotation(ctx, ref)
	if err != nil {
		return nil, err
	}
	if named != "" {
		return f.load(ctx, ref, manifest(named), SourceAnnotation)
	}
	if f.options.V1 {
		return f.referrer(ctx, ref)
	}
	return nil, fmt.Errorf("%w: manifest %s names none", index.ErrNoIndex, ref.Manifest)
}

// annotation is the index that the image manifest names, "" for none. A
// manifest the registry does not have names none.
func (f *Finder) annotation(ctx context.Context, ref index.LayerRef) (digest.Digest, error) {
	b, err := f.Artifact(ctx, ref, manifest(ref.Manifest), maxManifest)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("image manifest: %w", err)
	}
	var m struct {
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return "", fmt.Errorf("image manifest %s: %w: %w", ref.Manifest, err, index.ErrInvalid)
	}
	return digest.Digest(m.Annotations[index.AnnotationIndexDigest]), nil
}

// referrer is the first usable v1 index among the referrers of the manifest.
func (f *Finder) referrer(ctx context.Context, ref index.LayerRef) (*Found, error) {
	descs, err := f.registry.Referrers(ctx, ref.Image, ref.Manifest, index.ArtifactTypeV1)
	if err != nil {
		return nil, err
	}
	var causes []error
	for i, desc := range descs {
		if i == maxCandidates {
			break
		}
		desc.MediaType = ocispec.MediaTypeImageManifest
		found, err := f.load(ctx, ref, desc, SourceReferrers)
		switch {
		case err == nil && bound(found.Index, ref.Manifest):
			return found, nil
		case err != nil && !unusable(err):
			return nil, err
		}
		if err == nil {
			err = fmt.Errorf("index %s names another image", desc.Digest)
		}
		causes = append(causes, err)
	}
	if len(causes) == 0 {
		return nil, fmt.Errorf("%w: manifest %s names none and has no referrers", index.ErrNoIndex, ref.Manifest)
	}
	return nil, fmt.Errorf("%w: none of %d referrers of manifest %s: %w", index.ErrNoIndex, len(descs), ref.Manifest, errors.Join(causes...))
}

// bound tells whether an index says itself that it belongs to a manifest.
func bound(ix *index.Index, manifest digest.Digest) bool {
	return ix.Subject != nil && ix.Subject.Digest == manifest
}

// load reads and parses an index.
func (f *Finder) load(ctx context.Context, ref index.LayerRef, desc ocispec.Descriptor, source string) (*Found, error) {
	b, err := f.Artifact(ctx, ref, desc, index.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", source, err)
	}
	ix, err := index.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("index %s of %s: %w", desc.Digest, source, err)
	}
	return &Found{Digest: desc.Digest, Index: ix, Source: source}, nil
}

// manifest describes a manifest of which only the digest is known.
func manifest(d digest.Digest) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d}
}
