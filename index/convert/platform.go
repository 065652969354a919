// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"context"
	"fmt"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// unknown is the platform of what is not meant to run.
const unknown = "unknown"

// PlatformPolicy is how the descriptor of an index manifest states a platform.
type PlatformPolicy uint8

const (
	// RealPlatform states the platform of the image, as other
	// implementations do. Containerd then fetches the index and its ztocs
	// as if they were part of the image.
	RealPlatform PlatformPolicy = iota
	// UnknownPlatform states unknown/unknown, as attestations do. Images
	// still load lazily everywhere, and nothing is fetched twice.
	UnknownPlatform
)

// describe is the platform to state for an index of an image for p.
func (policy PlatformPolicy) describe(p ocispec.Platform) *ocispec.Platform {
	if policy == UnknownPlatform {
		return &ocispec.Platform{Architecture: unknown, OS: unknown}
	}
	return &p
}

// platformOf is the platform of a manifest: of its descriptor, else of its
// config.
func platformOf(ctx context.Context, s Store, desc ocispec.Descriptor, m ocispec.Manifest) (ocispec.Platform, error) {
	if desc.Platform != nil {
		return *desc.Platform, nil
	}
	var image ocispec.Image
	if err := get(ctx, s, m.Config, &image); err != nil {
		return ocispec.Platform{}, fmt.Errorf("config of manifest %s: %w", desc.Digest, err)
	}
	return image.Platform, nil
}

// samePlatform compares what two descriptors state. Unknown platforms are
// never the same.
func samePlatform(a, b ocispec.Platform) bool {
	if a.OS == unknown || a.Architecture == unknown {
		return false
	}
	return a.OS == b.OS && a.Architecture == b.Architecture && variant(a) == variant(b) &&
		a.OSVersion == b.OSVersion && slices.Equal(a.OSFeatures, b.OSFeatures)
}

// variant is the variant of p; v8 is the only arm64 there is and often unsaid.
func variant(p ocispec.Platform) string {
	if p.Architecture == "arm64" && p.Variant == "" {
		return "v8"
	}
	return p.Variant
}
