// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// registryImage is an image in a registry.
type registryImage struct {
	name     Name
	registry *remote.Registry
}

var (
	_ Image   = (*registryImage)(nil)
	_ Indexed = (*registryImage)(nil)
)

// openRegistry uses r, which stays the caller's.
func openRegistry(name Name, r *remote.Registry) *registryImage {
	return &registryImage{name: name, registry: r}
}

// Name implements Image.
func (r *registryImage) Name() Name { return r.name }

// Local implements Image.
func (r *registryImage) Local() bool { return false }

// Close implements Image.
func (r *registryImage) Close() error { return nil }

// Resolve implements Source.
func (r *registryImage) Resolve(ctx context.Context) (ocispec.Descriptor, error) {
	return r.registry.Resolve(ctx, r.name.Ref)
}

// Open implements Source.
func (r *registryImage) Open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	return r.registry.Open(ctx, r.name.Ref, desc)
}

// ReadRange implements Source.
func (r *registryImage) ReadRange(ctx context.Context, desc ocispec.Descriptor, off, n int64) (io.ReadCloser, error) {
	return r.registry.Blob(r.name.Ref, desc.Digest).ReadRange(ctx, off, n)
}

// Put implements Sink. The registry verifies the digest.
func (r *registryImage) Put(ctx context.Context, desc ocispec.Descriptor, open Content) error {
	return r.registry.Push(ctx, r.name.Ref, desc, open)
}

// Tag implements Sink.
func (r *registryImage) Tag(ctx context.Context, desc ocispec.Descriptor, manifest []byte) error {
	named, err := reference.ParseDockerRef(r.name.Ref)
	if err != nil {
		return err
	}
	if _, ok := named.(reference.Tagged); !ok {
		return fmt.Errorf("%s: an image to write is named by a tag", r.name)
	}
	return r.registry.Tag(ctx, r.name.Ref, desc, manifest)
}

// Attach implements Sink: pushing a manifest with a subject makes it the
// subject's referrer.
func (r *registryImage) Attach(ctx context.Context, a Attachment) error {
	return r.registry.Push(ctx, r.name.Ref, a.Desc, Bytes(a.Manifest))
}

// Indexes implements Indexed: those in the image and those that refer to one
// of its manifests.
func (r *registryImage) Indexes(ctx context.Context) ([]Found, error) {
	root, err := r.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	found, manifests := boundIndexes(ctx, r, root, r.name.String())
	digests := make([]digest.Digest, 0, len(manifests))
	for d := range manifests {
		digests = append(digests, d)
	}
	slices.Sort(digests)
	for _, d := range digests {
		descs, err := r.registry.Referrers(ctx, r.name.Ref, d, index.ArtifactTypeV1)
		if err != nil {
			return nil, fmt.Errorf("referrers of %s: %w", d, err)
		}
		for _, desc := range descs {
			f, err := readIndex(ctx, r, desc)
			if err != nil {
				continue
			}
			f.Manifest, f.Platform, f.Images = d, manifests[d], []string{r.name.String()}
			found = append(found, f)
		}
	}
	return found, nil
}

// RemoveIndex implements Indexed; registries are not asked to delete.
func (r *registryImage) RemoveIndex(context.Context, digest.Digest) error {
	return fmt.Errorf("remove an index from a registry: %w", errors.ErrUnsupported)
}
