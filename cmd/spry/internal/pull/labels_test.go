// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package pull

import (
	"context"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const indexLabel = "containerd.io/snapshot/remote/soci.index.digest"

// Layers of an image manifest name the explicit index, and nothing else does.
func TestAnnotate(t *testing.T) {
	explicit := digest.FromString("index")
	manifest, list := ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex
	for _, test := range []struct {
		name     string
		parent   string
		explicit digest.Digest
		want     []string // the index that each child names
	}{
		{"manifest", manifest, explicit, []string{"", explicit.String(), explicit.String()}},
		{"manifest without one", manifest, "", []string{"", "", ""}},
		{"list", list, explicit, []string{"", "", ""}},
	} {
		children := []ocispec.Descriptor{
			{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromString("config")},
			{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("a")},
			{MediaType: ocispec.MediaTypeImageLayerZstd, Digest: digest.FromString("b"), Annotations: map[string]string{"kept": "yes"}},
		}
		h := annotate("host/a:1", test.explicit)(images.HandlerFunc(func(context.Context, ocispec.Descriptor) ([]ocispec.Descriptor, error) {
			return children, nil
		}))
		got, err := h.Handle(t.Context(), ocispec.Descriptor{MediaType: test.parent, Digest: digest.FromString("parent")})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range got {
			names = append(names, c.Annotations[indexLabel])
		}
		if d := cmp.Diff(test.want, names); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
		if got[2].Annotations["kept"] != "yes" {
			t.Errorf("%s: an annotation of the image is gone", test.name)
		}
	}
}
