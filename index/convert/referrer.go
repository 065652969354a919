// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// Referrer is how a list of referrers describes an encoded index of version 1.
func Referrer(b []byte) (ocispec.Descriptor, error) {
	if _, err := index.Parse(b); err != nil {
		return ocispec.Descriptor{}, err
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("decode index: %w", err)
	}
	return ocispec.Descriptor{
		MediaType:    ocispec.MediaTypeImageManifest,
		Digest:       digest.FromBytes(b),
		Size:         int64(len(b)),
		Annotations:  m.Annotations,
		ArtifactType: m.Config.MediaType,
	}, nil
}

// AddReferrer adds an index to the list of referrers that registries without a
// referrers API keep as an OCI index under the tag sha256-<hex of subject>. The
// list is nil if there is none yet. A list that names the index already comes
// back unchanged (changed is false).
func AddReferrer(list []byte, desc ocispec.Descriptor) (out []byte, changed bool, err error) {
	ix := ocispec.Index{}
	if list != nil {
		if len(list) > index.MaxSize {
			return nil, false, fmt.Errorf("referrers of %d bytes, at most %d allowed", len(list), index.MaxSize)
		}
		if err := json.Unmarshal(list, &ix); err != nil {
			return nil, false, fmt.Errorf("decode referrers: %w", err)
		}
	}
	for _, m := range ix.Manifests {
		if m.Digest == desc.Digest {
			return list, false, nil
		}
	}
	ix.Versioned = specs.Versioned{SchemaVersion: 2}
	ix.MediaType = ocispec.MediaTypeImageIndex
	ix.Manifests = append(ix.Manifests, desc)
	if out, err = json.Marshal(ix); err != nil {
		return nil, false, fmt.Errorf("encode referrers: %w", err)
	}
	return out, true, nil
}
