// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/index"
)

// Create makes a v1 index for each platform of img and attaches it to the
// image where that is. The image itself stays as it is.
func Create(ctx context.Context, img place.Image, o Options) (*Report, error) {
	p, err := load(ctx, img)
	if err != nil {
		return nil, err
	}
	chosen, err := p.choose(o)
	if err != nil {
		return nil, err
	}
	w := &worker{from: img, dst: img, options: o, known: reusable(ctx, img, o)}
	if err := w.layers(ctx, chosen); err != nil {
		return nil, err
	}
	rep := &Report{Source: img.Name().String(), Destination: img.Name().String()}
	made := 0
	for _, m := range chosen {
		r, err := w.attach(ctx, m)
		if err != nil {
			return nil, err
		}
		if r.Index != "" {
			made++
		}
		rep.Platforms = append(rep.Platforms, r)
	}
	if made == 0 {
		return nil, &NothingError{rep.Platforms}
	}
	return rep, nil
}

// attach makes and stores the v1 index of a manifest.
func (w *worker) attach(ctx context.Context, m *manifest) (PlatformReport, error) {
	ix, artifacts, rep, err := w.index(m)
	if err != nil || ix == nil {
		return rep, err
	}
	ix.Version = 1
	ix.Subject = &ocispec.Descriptor{MediaType: m.desc.MediaType, Digest: m.desc.Digest, Size: m.desc.Size}
	desc, b, err := w.store(ctx, ix, artifacts)
	if err != nil {
		return rep, fmt.Errorf("platform %s: %w", rep.Platform, err)
	}
	err = w.dst.Attach(ctx, place.Attachment{Subject: *ix.Subject, Desc: desc, Manifest: b})
	if err != nil {
		return rep, fmt.Errorf("platform %s: attach index %s: %w", rep.Platform, desc.Digest, err)
	}
	rep.Index = desc.Digest
	w.options.Display.Printf("%s: index %s", rep.Platform, desc.Digest)
	return rep, nil
}

// store puts an index and what it names to the destination. The descriptor
// is as registries list a referrer.
func (w *worker) store(ctx context.Context, ix *index.Index, artifacts []artifact) (ocispec.Descriptor, []byte, error) {
	artifactType := index.ArtifactTypeV1
	if ix.Version == 2 {
		artifactType = index.ArtifactTypeV2
	}
	b, err := ix.Encode()
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	desc := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(b), Size: int64(len(b)),
		ArtifactType: artifactType,
		Annotations:  map[string]string{index.AnnotationBuildTool: ix.BuildTool},
	}
	if err := w.dst.Put(ctx, index.ConfigDescriptor(artifactType), place.Bytes([]byte(index.EmptyConfig))); err != nil {
		return desc, nil, fmt.Errorf("store config of index %s: %w", desc.Digest, err)
	}
	for _, a := range artifacts {
		if err := w.dst.Put(ctx, a.ref.Descriptor, place.Bytes(a.bytes)); err != nil {
			return desc, nil, fmt.Errorf("store prefetch artifact %s: %w", a.ref.Descriptor.Digest, err)
		}
	}
	if err := w.dst.Put(ctx, desc, place.Bytes(b)); err != nil {
		return desc, nil, fmt.Errorf("store index %s: %w", desc.Digest, err)
	}
	return desc, b, nil
}
