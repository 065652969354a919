// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package pull

import (
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestLayerOf(t *testing.T) {
	desc := ocispec.Descriptor{Digest: digest.FromString("layer"), Size: 7}
	for _, test := range []struct {
		name   string
		labels map[string]string
		lazy   bool
		reason string
	}{
		{"lazy", map[string]string{
			"containerd.io/snapshot/remote":                       "remote snapshot",
			"containerd.io/snapshot/remote/has.soci.index.digest": "true",
		}, true, ""},
		{"with a reason", map[string]string{
			"containerd.io/snapshot/remote/spry.reason":           "sparse file",
			"containerd.io/snapshot/remote/has.soci.index.digest": "true",
		}, false, "sparse file"},
		{"in full", map[string]string{
			"containerd.io/snapshot/remote/spry.reason": "mount layer sha256:a of b: layer cannot be loaded lazily: index sha256:c has no ztoc for it",
		}, false, "index sha256:c has no ztoc for it"},
		{"without one", map[string]string{
			"containerd.io/snapshot/remote/has.soci.index.digest": "true",
		}, false, "the index of the image cannot present this layer"},
		{"nothing known", nil, false, "the image has no index, or the layer was there before"},
	} {
		want := Layer{Digest: desc.Digest, Size: 7, Lazy: test.lazy, Reason: test.reason}
		if d := cmp.Diff(want, layerOf(desc, snapshots.Info{Labels: test.labels})); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}
