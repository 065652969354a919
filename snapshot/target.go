// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

// target is what the labels of a Prepare ask for: a layer, committed under a
// chain id.
type target struct {
	chain string
	ref   index.LayerRef
	// rebase: the parent is named at Commit.
	rebase bool
	// staging: the client understands a read-only active snapshot as done.
	staging bool
}

// parseTarget reads the labels once. The target's chain is "" for a snapshot
// that is not part of a pull; an error says why the layer cannot be lazy.
func parseTarget(labels map[string]string, parent string) (target, error) {
	t := target{
		chain:   labels[index.LabelTarget],
		rebase:  isRebase(labels, parent),
		staging: labels[snapshots.LabelSnapshotDiffID] != "",
	}
	if t.chain == "" {
		return t, nil
	}
	var err error
	if t.ref, err = parseRef(labels); err != nil {
		return t, err
	}
	if t.rebase && !t.staging {
		return t, fmt.Errorf("%w: the client unpacks in parallel and does not know staged layers", index.ErrNoIndex)
	}
	return t, nil
}

// parseRef reads the labels that describe a layer of an image.
func parseRef(labels map[string]string) (index.LayerRef, error) {
	ref := index.LayerRef{Image: labels[index.LabelImage]}
	if ref.Image == "" {
		return ref, fmt.Errorf("pull has no label %s: enable snapshot annotations in containerd", index.LabelImage)
	}
	for _, d := range []struct {
		label string
		value *digest.Digest
		must  bool
	}{
		{index.LabelManifest, &ref.Manifest, true},
		{index.LabelLayer, &ref.Layer, true},
		{index.LabelIndex, &ref.Index, false},
	} {
		v := digest.Digest(labels[d.label])
		if v == "" && !d.must {
			continue
		}
		if err := v.Validate(); err != nil {
			return ref, fmt.Errorf("label %s %q: %w", d.label, v, err)
		}
		*d.value = v
	}
	ref.Size = layerSize(labels, ref.Layer)
	return ref, nil
}

// layerSize finds the size of a layer in the labels that may have it; 0 if
// none has.
func layerSize(labels map[string]string, layer digest.Digest) int64 {
	if size := parseSize(labels[index.LabelLayerSize]); size > 0 {
		return size
	}
	layers := strings.Split(labels[index.LabelImageLayers], ",")
	sizes := strings.Split(labels[index.LabelImageLayerSizes], ",")
	if len(layers) != len(sizes) {
		return 0
	}
	for i := range layers {
		if layers[i] == layer.String() {
			return parseSize(sizes[i])
		}
	}
	return 0
}

func parseSize(s string) int64 {
	size, err := strconv.ParseInt(s, 10, 64)
	if err != nil || size < 0 {
		return 0
	}
	return size
}
