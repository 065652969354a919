// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
)

// FuzzConvert converts images of hostile manifests. In the fuzzed image index
// "MANIFEST" stands for the digest of the fuzzed manifest.
func FuzzConvert(f *testing.F) {
	config := `{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"` + digest.FromString("{}").String() + `","size":2}`
	f.Add([]byte(`{"manifests":[{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"MANIFEST"}]}`),
		[]byte(`{"config":`+config+`,"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":5}]}`))
	f.Add([]byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"MANIFEST","platform":{"os":"linux","architecture":"amd64"}},`+
		`{"digest":"MANIFEST","artifactType":"`+index.ArtifactTypeV2+`","platform":{"os":"linux","architecture":"amd64"}}]}`),
		[]byte(`{"config":`+config+`,"annotations":{"<":"&"}}`))
	f.Fuzz(func(t *testing.T, list, manifest []byte) {
		s := newMemory()
		put := func(b []byte) digest.Digest {
			s.blobs[digest.FromBytes(b)] = b
			return digest.FromBytes(b)
		}
		put([]byte("{}"))
		image := put(manifest)
		target := ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageIndex,
			Digest:    put([]byte(strings.ReplaceAll(string(list), "MANIFEST", image.String()))),
		}
		once, err := convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{image: indexOf("x")}})
		if err != nil {
			return
		}
		manifests, err := convert.Manifests(t.Context(), s, once)
		if err != nil {
			t.Fatalf("manifests of what was converted: %v", err)
		}
		o := convert.Options{Indexes: map[digest.Digest]*index.Index{}}
		for _, m := range manifests {
			if convert.Plan(m.Image, 0); m.Image.Annotations[index.AnnotationIndexDigest] != "" {
				o.Indexes[m.Desc.Digest] = indexOf("x")
			}
		}
		if len(o.Indexes) == 0 {
			return // the only image is of an unknown platform, or an artifact
		}
		twice, err := convert.Convert(t.Context(), s, once, o)
		if err != nil {
			t.Fatalf("convert what was converted: %v", err)
		}
		if twice.Digest != once.Digest {
			t.Errorf("converting again gives another image:\n%s\n%s", s.blobs[once.Digest], s.blobs[twice.Digest])
		}
	})
}
