// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestGCLabels(t *testing.T) {
	const m, config, a, b = `{"config":{"mediaType":"TYPE","digest":"sha256:c"},"layers":[{"digest":"sha256:a"},{"digest":"sha256:b"}]}`, "sha256:c", "sha256:a", "sha256:b"
	for _, test := range []struct {
		name, mediaType, content string
		want                     map[string]string
	}{
		{"image", ocispec.MediaTypeImageManifest, strings.Replace(m, "TYPE", ocispec.MediaTypeImageConfig, 1), map[string]string{
			"containerd.io/gc.ref.content.config": config,
			"containerd.io/gc.ref.content.l.0":    a,
			"containerd.io/gc.ref.content.l.1":    b,
		}},
		{"v1", ocispec.MediaTypeImageManifest, strings.Replace(m, "TYPE", "application/vnd.amazon.soci.index.v1+json", 1), map[string]string{
			"containerd.io/gc.ref.content.config": config,
			"containerd.io/gc.ref.content.ztoc.0": a,
			"containerd.io/gc.ref.content.ztoc.1": b,
		}},
		{"v2", ocispec.MediaTypeImageManifest, strings.Replace(m, "TYPE", "application/vnd.amazon.soci.index.v2+json", 1), map[string]string{
			"containerd.io/gc.ref.content.config": config,
			"containerd.io/gc.ref.content.ztoc.0": a,
			"containerd.io/gc.ref.content.ztoc.1": b,
		}},
		{"index", ocispec.MediaTypeImageIndex, `{"manifests":[{"digest":"sha256:a"},{"digest":"sha256:b"}]}`, map[string]string{
			"containerd.io/gc.ref.content.m.0": a,
			"containerd.io/gc.ref.content.m.1": b,
		}},
	} {
		got, err := gcLabels(test.mediaType, []byte(test.content))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
	if _, err := gcLabels(ocispec.MediaTypeImageIndex, []byte("{")); err == nil {
		t.Error("labels of no JSON")
	}
}
