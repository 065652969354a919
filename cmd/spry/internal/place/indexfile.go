// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// parseIndexFile reads the index.json of a layout.
func parseIndexFile(b []byte) (ocispec.Index, error) {
	var ix ocispec.Index
	if len(b) > maxManifest {
		return ix, fmt.Errorf("index.json has %d bytes, at most %d allowed", len(b), maxManifest)
	}
	if err := json.Unmarshal(b, &ix); err != nil {
		return ix, fmt.Errorf("index.json: %w", err)
	}
	for _, m := range ix.Manifests {
		if err := m.Digest.Validate(); err != nil {
			return ix, fmt.Errorf("index.json: digest %q: %w", m.Digest, err)
		}
	}
	return ix, nil
}

func tagOf(desc ocispec.Descriptor) string { return desc.Annotations[ocispec.AnnotationRefName] }

// isArtifact says whether an entry is something about an image, not an image.
func isArtifact(desc ocispec.Descriptor) bool {
	return desc.ArtifactType == index.ArtifactTypeV1 || desc.ArtifactType == index.ArtifactTypeV2
}

// errWhole says that the manifests of index.json are together one image.
var errWhole = errors.New("index.json is the image")

// pick finds the image of a tag. Without a tag it is the only image of the
// layout, or the only one that has no tag. Several manifests and no tag at all
// are the platforms of one image, which is errWhole.
func pick(ix ocispec.Index, tag string) (ocispec.Descriptor, error) {
	var images, untagged []ocispec.Descriptor
	var tags []string
	for _, m := range ix.Manifests {
		switch t := tagOf(m); {
		case isArtifact(m):
			continue
		case tag != "" && t == tag:
			return plain(m), nil
		case t == "":
			untagged = append(untagged, m)
		default:
			tags = append(tags, t)
		}
		images = append(images, m)
	}
	switch {
	case tag != "":
		return ocispec.Descriptor{}, fmt.Errorf("tag %s: %w", tag, errdefs.ErrNotFound)
	case len(images) == 0:
		return ocispec.Descriptor{}, fmt.Errorf("layout has no image: %w", errdefs.ErrNotFound)
	case len(images) == 1:
		return plain(images[0]), nil
	case len(untagged) == 1:
		return plain(untagged[0]), nil
	case len(tags) == 0:
		return ocispec.Descriptor{}, errWhole
	default:
		return ocispec.Descriptor{}, fmt.Errorf("layout has %d images, name one of the tags %s", len(images), strings.Join(tags, ", "))
	}
}

// plain is desc without what only the index.json says about it.
func plain(desc ocispec.Descriptor) ocispec.Descriptor {
	desc.Annotations = maps.Clone(desc.Annotations)
	for k := range desc.Annotations {
		if k == ocispec.AnnotationRefName || strings.HasPrefix(k, "io.containerd.") {
			delete(desc.Annotations, k)
		}
	}
	return desc
}

// setImage makes desc the image of tag in index.json, in the place of the one
// that was, and leaves the other entries alone.
func setImage(ix ocispec.Index, tag string, desc ocispec.Descriptor) ocispec.Index {
	entry := ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
	if tag != "" {
		entry.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	}
	out := newIndexFile(ix)
	done := false
	for _, m := range ix.Manifests {
		if isArtifact(m) || tagOf(m) != tag {
			out.Manifests = append(out.Manifests, m)
			continue
		}
		if !done {
			out.Manifests = append(out.Manifests, entry)
		}
		done = true
	}
	if !done {
		out.Manifests = append(out.Manifests, entry)
	}
	return out
}

// addArtifact adds an entry about an image, unless it is there.
func addArtifact(ix ocispec.Index, desc ocispec.Descriptor) ocispec.Index {
	out := newIndexFile(ix)
	out.Manifests = slices.DeleteFunc(slices.Clone(ix.Manifests), func(m ocispec.Descriptor) bool {
		return m.Digest == desc.Digest
	})
	out.Manifests = append(out.Manifests, desc)
	return out
}

func newIndexFile(ix ocispec.Index) ocispec.Index {
	return ocispec.Index{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageIndex,
		Manifests:   []ocispec.Descriptor{},
		Annotations: ix.Annotations,
	}
}
