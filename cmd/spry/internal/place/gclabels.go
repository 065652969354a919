// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// labelled reads the manifest that open yields and makes its labels.
func labelled(desc ocispec.Descriptor, open Content) (Content, map[string]string, error) {
	rc, err := open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rc.Close() }()
	b, err := io.ReadAll(io.LimitReader(rc, maxManifest+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	labels, err := gcLabels(desc.MediaType, b)
	if err != nil {
		return nil, nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	return Bytes(b), labels, nil
}

// Bytes is content that is in memory.
func Bytes(b []byte) Content {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// gcLabels are the labels by which containerd's collector goes from a
// manifest to what it names. They are the ones its own pull sets, and for the
// index of layers those that other tools for such indexes set.
func gcLabels(mediaType string, b []byte) (map[string]string, error) {
	labels := map[string]string{}
	if images.IsIndexType(mediaType) {
		var ix ocispec.Index
		if err := json.Unmarshal(b, &ix); err != nil {
			return nil, err
		}
		for i, m := range ix.Manifests {
			labels[index.LabelGCManifestPrefix+strconv.Itoa(i)] = m.Digest.String()
		}
		return labels, nil
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	prefix := index.LabelGCLayerPrefix
	if t := m.Config.MediaType; t == index.ArtifactTypeV1 || t == index.ArtifactTypeV2 {
		prefix = index.LabelGCZtocPrefix
	}
	labels[index.LabelGCConfig] = m.Config.Digest.String()
	for i, l := range m.Layers {
		labels[prefix+strconv.Itoa(i)] = l.Digest.String()
	}
	return labels, nil
}
