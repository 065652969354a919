// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestTypes are the media types asked for when any manifest will do.
var manifestTypes = strings.Join([]string{
	ocispec.MediaTypeImageManifest,
	ocispec.MediaTypeImageIndex,
	images.MediaTypeDockerSchema2Manifest,
	images.MediaTypeDockerSchema2ManifestList,
	"*/*",
}, ", ")

// isManifest tells what is found below manifests/ and not below blobs/.
func isManifest(mediaType string) bool {
	return images.IsManifestType(mediaType) || images.IsIndexType(mediaType)
}

// reach says where the content of a descriptor is.
func (r *Registry) reach(ref string, desc ocispec.Descriptor) (*content, error) {
	repo, err := parse(ref)
	if err != nil {
		return nil, err
	}
	if err := valid(desc.Digest); err != nil {
		return nil, err
	}
	if desc.Size < 0 {
		return nil, fmt.Errorf("%s: size %d: %w", desc.Digest, desc.Size, errdefs.ErrInvalidArgument)
	}
	c := &content{registry: r, repo: repo, digest: desc.Digest, size: desc.Size}
	if isManifest(desc.MediaType) {
		c.path, c.accept = "manifests/"+desc.Digest.String(), desc.MediaType+", */*"
		return c, nil
	}
	c.path, c.sticky = "blobs/"+desc.Digest.String(), true
	return c, nil
}

// valid refuses what is no digest: digests become parts of URLs.
func valid(d digest.Digest) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("digest %.80q: %w: %w", string(d), err, errdefs.ErrInvalidArgument)
	}
	return nil
}

// distrust is for content that came from host and is wrong: the host is tried
// last for a while, and where it redirected to is forgotten.
func (c *content) distrust(host string) {
	if host == "" {
		return
	}
	c.registry.health.bad(host, 0)
	c.registry.locations.dropAll("/" + c.path)
}
