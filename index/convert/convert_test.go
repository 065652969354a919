// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
)

const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
)

// image puts an image manifest for a platform into s.
func image(t testing.TB, s *memory, p ocispec.Platform) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{
		MediaType: dockerManifest,
		Config:    s.add(t, dockerConfig, ocispec.Image{Platform: p}),
		Layers:    []ocispec.Descriptor{{MediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", Digest: digest.FromString(p.Architecture), Size: 1 << 30}},
	}
	m.SchemaVersion = 2
	return s.add(t, dockerManifest, m)
}

// imageIndex puts an index of images for amd64 and arm64 into s.
func imageIndex(t testing.TB, s *memory) (ocispec.Descriptor, []ocispec.Descriptor) {
	t.Helper()
	var images []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		desc := image(t, s, ocispec.Platform{OS: "linux", Architecture: arch})
		desc.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		images = append(images, desc)
	}
	ix := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: images}
	ix.SchemaVersion = 2
	return s.add(t, ocispec.MediaTypeImageIndex, ix), images
}

// indexOf is an index of one layer.
func indexOf(tool string) *index.Index {
	return &index.Index{Version: 2, BuildTool: tool, Layers: []index.LayerIndex{{
		Descriptor: ocispec.Descriptor{Digest: digest.FromString("ztoc " + tool), Size: 8},
		Layer:      digest.FromString("layer"), LayerMediaType: "x", SpanSize: 1,
	}}}
}

// entries shows an image index as one line for each entry.
func entries(t testing.TB, s *memory, d digest.Digest) []string {
	t.Helper()
	var ix ocispec.Index
	s.read(t, d, &ix)
	var list []string
	for _, m := range ix.Manifests {
		kind := "image"
		if m.ArtifactType != "" {
			kind = "index"
			var image ocispec.Manifest
			s.read(t, digest.Digest(m.Annotations[index.AnnotationManifestDigest]), &image)
			if image.Annotations[index.AnnotationIndexDigest] != m.Digest.String() {
				t.Errorf("index %s names an image that does not name it", m.Digest)
			}
		}
		list = append(list, kind+" "+m.Platform.OS+"/"+m.Platform.Architecture)
	}
	return list
}

func TestUnknownPlatform(t *testing.T) {
	s := newMemory()
	target, images := imageIndex(t, s)
	o := convert.Options{Platform: convert.UnknownPlatform, Indexes: map[digest.Digest]*index.Index{
		images[0].Digest: indexOf("one"), images[1].Digest: indexOf("two"),
	}}
	got, err := convert.Convert(t.Context(), s, target, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"image linux/amd64", "image linux/arm64", "index unknown/unknown", "index unknown/unknown"}
	if d := cmp.Diff(want, entries(t, s, got.Digest)); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
	again, err := reconvert(t, s, got, o.Platform, "one", "two")
	if err != nil || again != got.Digest {
		t.Errorf("converting again gives %s, error %v, want %s", again, err, got.Digest)
	}
	// Other bytes, other platform: replaced in place.
	changed, err := reconvert(t, s, got, convert.RealPlatform, "three", "four")
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"image linux/amd64", "image linux/arm64", "index linux/amd64", "index linux/arm64"}
	if d := cmp.Diff(want, entries(t, s, changed)); d != "" {
		t.Errorf("entries of the changed image (-want +got):\n%s", d)
	}
}

// reconvert converts a converted image with indexes made by the given tools.
func reconvert(t testing.TB, s *memory, target ocispec.Descriptor, p convert.PlatformPolicy, tools ...string) (digest.Digest, error) {
	t.Helper()
	manifests, err := convert.Manifests(t.Context(), s, target)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifests) != len(tools) {
		t.Fatalf("%d manifests, want %d", len(manifests), len(tools))
	}
	o := convert.Options{Platform: p, Indexes: map[digest.Digest]*index.Index{}}
	for i, m := range manifests {
		o.Indexes[m.Desc.Digest] = indexOf(tools[i])
	}
	desc, err := convert.Convert(t.Context(), s, target, o)
	return desc.Digest, err
}

func TestConvertOneOfTwo(t *testing.T) {
	s := newMemory()
	target, images := imageIndex(t, s)
	both, err := convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{
		images[0].Digest: indexOf("one"), images[1].Digest: indexOf("two"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := convert.Manifests(t.Context(), s, both)
	if err != nil {
		t.Fatal(err)
	}
	one, err := convert.Convert(t.Context(), s, both, convert.Options{Indexes: map[digest.Digest]*index.Index{
		manifests[1].Desc.Digest: indexOf("newer"), manifests[0].Desc.Digest: nil,
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"image linux/amd64", "image linux/arm64", "index linux/amd64", "index linux/arm64"}
	if d := cmp.Diff(want, entries(t, s, one.Digest)); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
}

func TestMissingManifest(t *testing.T) {
	s := newMemory()
	target, images := imageIndex(t, s)
	delete(s.blobs, images[1].Digest)
	manifests, err := convert.Manifests(t.Context(), s, target)
	if err != nil || len(manifests) != 1 {
		t.Fatalf("%d manifests, error %v", len(manifests), err)
	}
	got, err := convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{images[0].Digest: indexOf("x")}})
	if err != nil {
		t.Fatal(err)
	}
	var ix ocispec.Index
	s.read(t, got.Digest, &ix)
	if d := cmp.Diff(images[1], ix.Manifests[1]); d != "" {
		t.Errorf("entry of the missing manifest (-want +got):\n%s", d)
	}
	_, err = convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{images[1].Digest: indexOf("x")}})
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), images[1].Digest.String()) {
		t.Errorf("indexed and missing: %v", err)
	}
}

func TestSingleManifest(t *testing.T) {
	s := newMemory()
	target := image(t, s, ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"})
	got, err := convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{target.Digest: indexOf("x")}})
	if err != nil {
		t.Fatal(err)
	}
	if got.MediaType != ocispec.MediaTypeImageIndex {
		t.Errorf("media type %q", got.MediaType)
	}
	var ix ocispec.Index
	s.read(t, got.Digest, &ix)
	for i, m := range ix.Manifests {
		if m.MediaType != ocispec.MediaTypeImageManifest || m.Platform.Variant != "v7" {
			t.Errorf("entry %d is %+v", i, m)
		}
	}
	var m ocispec.Manifest
	s.read(t, ix.Manifests[0].Digest, &m)
	if m.MediaType != ocispec.MediaTypeImageManifest || m.Config.MediaType != ocispec.MediaTypeImageConfig {
		t.Errorf("manifest is %s with config %s", m.MediaType, m.Config.MediaType)
	}
}

// TestOtherEntries checks that what is no image keeps its identity.
func TestOtherEntries(t *testing.T) {
	s := newMemory()
	_, images := imageIndex(t, s)
	nested := s.add(t, ocispec.MediaTypeImageIndex, ocispec.Index{})
	artifact := ocispec.Manifest{ArtifactType: "application/x", Config: ocispec.DescriptorEmptyJSON}
	artifact.SchemaVersion = 2
	signature := s.add(t, ocispec.MediaTypeImageManifest, artifact)
	old := s.add(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{Config: index.ConfigDescriptor(index.ArtifactTypeV1)})
	odd := ocispec.Descriptor{MediaType: "application/y", Digest: digest.FromString("y"), Size: 1}
	target := s.add(t, ocispec.MediaTypeImageIndex, ocispec.Index{Manifests: []ocispec.Descriptor{images[0], nested, signature, old, odd}})
	got, err := convert.Convert(t.Context(), s, target, convert.Options{Indexes: map[digest.Digest]*index.Index{images[0].Digest: indexOf("x")}})
	if err != nil {
		t.Fatal(err)
	}
	var ix ocispec.Index
	s.read(t, got.Digest, &ix)
	if d := cmp.Diff([]ocispec.Descriptor{nested, old, odd}, []ocispec.Descriptor{ix.Manifests[1], ix.Manifests[3], ix.Manifests[4]}); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
	var m ocispec.Manifest
	s.read(t, ix.Manifests[2].Digest, &m)
	if m.Config.MediaType != ocispec.MediaTypeEmptyJSON || m.ArtifactType != "application/x" {
		t.Errorf("artifact became %+v", m)
	}
}

func TestConvertErrors(t *testing.T) {
	s := newMemory()
	target, images := imageIndex(t, s)
	bad := digest.FromString("bad")
	s.blobs[bad] = []byte("{}")
	garbage := []byte("{")
	s.blobs[digest.FromBytes(garbage)] = garbage
	huge := make([]byte, index.MaxSize+1)
	s.blobs[digest.FromBytes(huge)] = huge
	v1 := indexOf("x")
	v1.Version, v1.Subject = 1, &images[0]
	noConfig := s.add(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{Config: ocispec.Descriptor{Digest: digest.FromString("gone")}})
	at := func(d digest.Digest) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: d}
	}
	indexed := func(d digest.Digest, ix *index.Index) map[digest.Digest]*index.Index {
		return map[digest.Digest]*index.Index{d: ix}
	}
	cases := map[string]struct {
		target  ocispec.Descriptor
		indexes map[digest.Digest]*index.Index
		is      error
		reason  string
	}{
		"nothing indexed":  {target, nil, convert.ErrEmpty, "no layer"},
		"empty index":      {target, indexed(images[0].Digest, &index.Index{Version: 2}), convert.ErrEmpty, "no layer"},
		"foreign manifest": {target, indexed(bad, indexOf("x")), errdefs.ErrInvalidArgument, "not one of the image"},
		"index itself":     {target, indexed(target.Digest, indexOf("x")), errdefs.ErrInvalidArgument, "not one of the image"},
		"version 1":        {target, indexed(images[0].Digest, v1), errdefs.ErrInvalidArgument, "version 1"},
		"no image":         {ocispec.Descriptor{MediaType: "text/plain", Digest: target.Digest}, nil, errdefs.ErrInvalidArgument, "not an image"},
		"missing":          {at(digest.FromString("?")), nil, errdefs.ErrNotFound, "get sha256"},
		"no digest":        {at("../../etc/passwd"), nil, digest.ErrDigestInvalidFormat, "digest"},
		"wrong content":    {at(bad), nil, nil, "has digest"},
		"no JSON":          {at(digest.FromBytes(garbage)), nil, nil, "decode"},
		"too large":        {at(digest.FromBytes(huge)), nil, nil, "at most"},
		"no config":        {noConfig, nil, errdefs.ErrNotFound, "config of manifest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := convert.Convert(t.Context(), s, c.target, convert.Options{Indexes: c.indexes})
			if err == nil || !strings.Contains(err.Error(), c.reason) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v, want %v, %q", err, c.is, c.reason)
			}
			if len(s.put) != 0 {
				t.Errorf("%d blobs were written", len(s.put))
			}
		})
	}
}

func TestPutFails(t *testing.T) {
	s := newMemory()
	target, images := imageIndex(t, s)
	o := convert.Options{Indexes: map[digest.Digest]*index.Index{images[0].Digest: indexOf("x")}}
	if _, err := convert.Convert(t.Context(), s, target, o); err != nil {
		t.Fatal(err)
	}
	for d := range s.put {
		s.fail = d
		if _, err := convert.Convert(t.Context(), s, target, o); err == nil || !strings.Contains(err.Error(), d.String()) {
			t.Errorf("put of %s fails: error %v", d, err)
		}
	}
}

func TestReferrerErrors(t *testing.T) {
	if _, err := convert.Referrer([]byte("{}")); !errors.Is(err, index.ErrInvalid) {
		t.Errorf("referrer of no index: %v", err)
	}
	if _, _, err := convert.AddReferrer([]byte("["), ocispec.Descriptor{}); err == nil {
		t.Error("list of referrers is no JSON, but no error")
	}
	if _, _, err := convert.AddReferrer(make([]byte, index.MaxSize+1), ocispec.Descriptor{}); err == nil {
		t.Error("list of referrers is too large, but no error")
	}
}
