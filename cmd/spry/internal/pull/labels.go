// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package pull

import (
	"context"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/snapshotters"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// annotate makes the wrapper that gives layers the annotations of a remote
// snapshotter; containerd makes them the labels of the layers' snapshots. An
// explicit index is named on every layer, unless it is "".
func annotate(ref string, explicit digest.Digest) func(images.Handler) images.Handler {
	info := snapshotters.AppendInfoHandlerWrapper(ref)
	if explicit == "" {
		return info
	}
	return func(h images.Handler) images.Handler {
		next := info(h)
		return images.HandlerFunc(func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
			children, err := next.Handle(ctx, desc)
			if err != nil || !images.IsManifestType(desc.MediaType) {
				return children, err
			}
			for _, c := range children {
				if images.IsLayerType(c.MediaType) {
					c.Annotations[index.LabelIndex] = explicit.String() // info made the map
				}
			}
			return children, nil
		})
	}
}
