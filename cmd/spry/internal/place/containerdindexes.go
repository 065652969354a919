// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Attach implements Sink. The image record gets a label with a name of its
// own per index, so that the indexes of several platforms of an image are all
// kept.
func (c *containerdImage) Attach(ctx context.Context, a Attachment) error {
	ctx = namespaces.WithNamespace(ctx, c.namespace)
	img, err := c.image(ctx)
	if err != nil {
		return err
	}
	key := index.LabelGCIndex + "." + a.Desc.Digest.Encoded()[:12]
	img.Labels = map[string]string{key: a.Desc.Digest.String()}
	if _, err := c.images.Update(ctx, img, "labels."+key); err != nil {
		return fmt.Errorf("label image %s in containerd: %w", img.Name, plainError(err))
	}
	return nil
}

// Indexes implements Indexed.
func (c *containerdImage) Indexes(ctx context.Context) ([]Found, error) {
	ctx = namespaces.WithNamespace(ctx, c.namespace)
	list, err := c.listImages(ctx)
	if err != nil {
		return nil, err
	}
	byDigest := map[digest.Digest]*Found{}
	platforms := map[digest.Digest]*ocispec.Platform{}
	names := map[digest.Digest][]string{} // by index or image manifest
	for _, img := range list {
		bound, manifests := boundIndexes(ctx, c, img.Target, img.Name)
		for _, f := range bound {
			names[f.Desc.Digest] = append(names[f.Desc.Digest], img.Name)
			byDigest[f.Desc.Digest] = &f
		}
		for d, p := range manifests {
			names[d] = append(names[d], img.Name)
			if p != nil {
				platforms[d] = p
			}
		}
	}
	stored, err := c.storedIndexes(ctx)
	if err != nil {
		return nil, err
	}
	var out []Found
	for _, f := range stored {
		if b, ok := byDigest[f.Desc.Digest]; ok {
			f.Manifest, f.Platform = b.Manifest, b.Platform
		}
		if f.Images = names[f.Desc.Digest]; f.Images == nil {
			f.Images = names[f.Manifest]
		}
		if f.Platform == nil {
			f.Platform = platforms[f.Manifest]
		}
		if c.name.Ref != "" && len(f.Images) == 0 {
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

// listImages is the named image, or all.
func (c *containerdImage) listImages(ctx context.Context) ([]images.Image, error) {
	if c.name.Ref != "" {
		img, err := c.image(ctx)
		return []images.Image{img}, err
	}
	list, err := c.images.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list images in containerd: %w", plainError(err))
	}
	return list, nil
}

// storedIndexes finds indexes by their labels: the empty config that all of
// them share, or what a snapshotter that pulled one set.
func (c *containerdImage) storedIndexes(ctx context.Context) ([]Found, error) {
	var infos []content.Info
	config := index.ConfigDescriptor(index.ArtifactTypeV2).Digest
	err := c.content.Walk(ctx, func(i content.Info) error {
		infos = append(infos, i)
		return nil
	}, fmt.Sprintf("labels.%q==%q", index.LabelGCConfig, config.String()), fmt.Sprintf("labels.%q", index.LabelGCZtocPrefix+"0"))
	if err != nil {
		return nil, fmt.Errorf("list content in containerd: %w", plainError(err))
	}
	var found []Found
	for _, i := range infos {
		f, err := readIndex(ctx, c, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: i.Digest, Size: i.Size})
		if err != nil {
			continue // some other artifact with an empty config
		}
		f.Created = i.CreatedAt
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b Found) int { return a.Created.Compare(b.Created) })
	return found, nil
}

// RemoveIndex implements Indexed. Its artifacts go when Close lets containerd
// collect.
func (c *containerdImage) RemoveIndex(ctx context.Context, dgst digest.Digest) error {
	ctx = namespaces.WithNamespace(ctx, c.namespace)
	found, err := c.Indexes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(found, func(f Found) bool { return f.Desc.Digest == dgst })
	if i < 0 {
		return fmt.Errorf("index %s in containerd: %w", dgst, errdefs.ErrNotFound)
	}
	if f := found[i]; f.Index.Version == 2 && len(f.Images) > 0 {
		return fmt.Errorf("index %s of %s: %w", dgst, strings.Join(f.Images, ", "), ErrBound)
	}
	list, err := c.images.List(ctx)
	if err != nil {
		return fmt.Errorf("list images in containerd: %w", plainError(err))
	}
	for _, img := range list {
		if err := c.unlabel(ctx, img, dgst); err != nil {
			return err
		}
	}
	if err := c.content.Delete(ctx, dgst); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove %s from containerd: %w", dgst, plainError(err))
	}
	_, err = c.leased(ctx) // the end of a lease is what starts a collection
	return err
}

// unlabel removes the labels of img that hold dgst. A label set to nothing is
// removed.
func (c *containerdImage) unlabel(ctx context.Context, img images.Image, dgst digest.Digest) error {
	var fields []string
	for k, v := range img.Labels {
		if strings.HasPrefix(k, index.LabelGCIndex) && v == dgst.String() {
			fields = append(fields, "labels."+k)
			img.Labels[k] = ""
		}
	}
	if len(fields) == 0 {
		return nil
	}
	if _, err := c.images.Update(ctx, img, fields...); err != nil {
		return fmt.Errorf("label image %s in containerd: %w", img.Name, plainError(err))
	}
	return nil
}
