// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index/convert"
	"github.com/spryd/spry/index/ztoc"
)

func TestPlan(t *testing.T) {
	cases := []struct {
		mediaType string
		size      int64
		want      ztoc.Compression
		skip      string
	}{
		{"application/vnd.oci.image.layer.v1.tar+gzip", 100, ztoc.Gzip, ""},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", 100, ztoc.Gzip, ""},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", 100, ztoc.Gzip, ""},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 100, ztoc.Gzip, ""},
		{"application/vnd.oci.image.layer.v1.tar", 100, ztoc.Uncompressed, ""},
		{"application/vnd.docker.image.rootfs.diff.tar", 100, ztoc.Uncompressed, ""},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar", 100, ztoc.Uncompressed, ""},
		{"application/vnd.oci.image.layer.v2.tar+gzip", 100, ztoc.Gzip, ""},
		{"application/vnd.oci.image.layer.v1.tar+zstd", 100, 0, "zstd"},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", 100, 0, "zstd"},
		{"application/vnd.docker.image.rootfs.diff.tar.zstd", 100, 0, "zstd"},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar", 100, 0, "not supported"},
		{"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", 100, 0, "encrypted"},
		{"application/vnd.oci.image.layer.v1.erofs", 100, 0, "not supported"},
		{"application/vnd.in-toto+json", 100, 0, "not a layer's"},
		{"", 100, 0, "not a layer's"},
		{"application/vnd.oci.image.layer.v1.tar+gzip", 99, 0, "99 bytes are less than 100"},
		{"application/vnd.oci.image.layer.v1.tar+gzip", -1, 0, "less than"},
	}
	var m ocispec.Manifest
	for i, c := range cases {
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: c.mediaType, Size: c.size, Digest: digest.FromString(string(rune('a' + i)))})
	}
	plans := convert.Plan(m, 100)
	if len(plans) != len(cases) {
		t.Fatalf("%d plans for %d layers", len(plans), len(cases))
	}
	for i, c := range cases {
		p := plans[i]
		if p.Desc.Digest != m.Layers[i].Digest {
			t.Errorf("plan %d is of %s", i, p.Desc.Digest)
		}
		if p.Compression != c.want || (c.skip == "") != (p.SkipReason == "") || !strings.Contains(p.SkipReason, c.skip) {
			t.Errorf("%s of %d bytes: %v, skipped because %q, want %v, %q", c.mediaType, c.size, p.Compression, p.SkipReason, c.want, c.skip)
		}
	}
}
