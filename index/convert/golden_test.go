// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
	"github.com/spryd/spry/index/ztoc"
)

// goldenBuild makes indexes as the golden files' command line asked for.
type goldenBuild struct {
	ztocs    map[digest.Digest][]byte
	prefetch []string // files; and xattrs are looked for if there are any
}

const (
	goldenSpanSize     = 65536
	goldenMinLayerSize = 50000
)

func (g goldenBuild) index(t testing.TB, s *memory, m convert.Manifest) *index.Index {
	t.Helper()
	ix := &index.Index{Version: 2, BuildTool: index.DefaultBuildTool}
	var layers []convert.PrefetchLayer
	var digests []digest.Digest
	for _, p := range convert.Plan(m.Image, goldenMinLayerSize) {
		if p.SkipReason != "" {
			continue
		}
		b, ok := g.ztocs[p.Desc.Digest]
		if !ok {
			t.Fatalf("no ztoc for layer %s", p.Desc.Digest)
		}
		z, err := ztoc.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if z.Compression != p.Compression {
			t.Errorf("layer %s is %s, planned %s", p.Desc.Digest, z.Compression, p.Compression)
		}
		spans, err := z.Layer()
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, convert.PrefetchLayer{Entries: z.Entries, Spans: spans})
		digests = append(digests, p.Desc.Digest)
		ix.Layers = append(ix.Layers, index.LayerIndex{
			Descriptor:     ocispec.Descriptor{Digest: digest.FromBytes(b), Size: int64(len(b))},
			Layer:          p.Desc.Digest,
			LayerMediaType: p.Desc.MediaType,
			SpanSize:       goldenSpanSize,
			DisableXattrs:  g.prefetch != nil && !convert.HasXattrs(z.Entries),
		})
	}
	found, _ := convert.Prefetch(layers, g.prefetch)
	for i, p := range found {
		if p != nil {
			ix.Prefetch = append(ix.Prefetch, putPrefetch(t, s, digests[i], p))
		}
	}
	return ix
}

func putPrefetch(t testing.TB, s *memory, layer digest.Digest, p *index.Prefetch) index.PrefetchRef {
	t.Helper()
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	desc := ocispec.Descriptor{MediaType: index.MediaTypePrefetch, Digest: digest.FromBytes(b), Size: int64(len(b))}
	if err := s.Put(t.Context(), desc, b); err != nil {
		t.Fatal(err)
	}
	return index.PrefetchRef{Descriptor: desc, Layer: layer}
}

// convertAll indexes and converts the platforms of target that want accepts.
func (g goldenBuild) convertAll(t testing.TB, s *memory, target ocispec.Descriptor, want func(ocispec.Platform) bool) ocispec.Descriptor {
	t.Helper()
	manifests, err := convert.Manifests(t.Context(), s, target)
	if err != nil {
		t.Fatal(err)
	}
	o := convert.Options{Indexes: map[digest.Digest]*index.Index{}}
	for _, m := range manifests {
		if want(m.Platform) {
			o.Indexes[m.Desc.Digest] = g.index(t, s, m)
		}
	}
	desc, err := convert.Convert(t.Context(), s, target, o)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func anyPlatform(ocispec.Platform) bool { return true }

func onlyAMD64(p ocispec.Platform) bool { return p.Architecture == "amd64" }

func TestGoldenConvert(t *testing.T) {
	dir := goldenDir(t)
	ztocs := goldenZtocs(t)
	cases := []struct {
		image, want string
		platform    func(ocispec.Platform) bool
		prefetch    []string
	}{
		{"a", "a-v2", anyPlatform, nil},
		{"a", "a-v2-prefetch", anyPlatform, []string{"/orig.txt", "/bigfile.bin", "etc/passwd", "usr/share/doc/no-such"}},
		{"b", "b-v2", anyPlatform, nil},
		{"c", "c-v2", anyPlatform, nil},
		{"c", "c-v2-default", onlyAMD64, nil},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			g := goldenBuild{ztocs: ztocs, prefetch: c.prefetch}
			s, target := layout(t, filepath.Join(dir, "images", c.image))
			before := len(s.blobs)
			got := g.convertAll(t, s, target, c.platform)
			golden, want := layout(t, filepath.Join(dir, "convert", c.want))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("image index (-want +got):\n%s", d)
			}
			for d, b := range golden.blobs {
				if d := cmp.Diff(string(b), string(s.blobs[d])); d != "" {
					t.Errorf("blob (-want +got):\n%s", d)
				}
			}
			if len(s.blobs)-before != len(s.put) {
				t.Errorf("%d new blobs, %d put", len(s.blobs)-before, len(s.put))
			}
			for d := range s.put {
				if _, ok := golden.blobs[d]; !ok {
					t.Errorf("put %s, which is not wanted: %s", d, s.blobs[d])
				}
			}
			if again := g.convertAll(t, s, got, c.platform); again.Digest != got.Digest {
				t.Errorf("converting again gives %s: %s", again.Digest, s.blobs[again.Digest])
			}
		})
	}
}

func TestGoldenIndexV1(t *testing.T) {
	dir := goldenDir(t)
	g := goldenBuild{ztocs: goldenZtocs(t)}
	made := map[string]bool{}
	for _, image := range []string{"a", "b", "c"} {
		s, target := layout(t, filepath.Join(dir, "images", image))
		manifests, err := convert.Manifests(t.Context(), s, target)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range manifests {
			ix := g.index(t, s, m)
			ix.Version, ix.Subject = 1, &m.Desc
			b, err := ix.Encode()
			if err != nil {
				t.Fatal(err)
			}
			made[string(b)] = true
		}
	}
	paths, err := filepath.Glob(filepath.Join(dir, "index-v1", "*.json"))
	if err != nil || len(paths) != 4 {
		t.Fatalf("golden indexes %v, error %v", paths, err)
	}
	for _, p := range paths {
		if !made[string(readFile(t, p))] {
			t.Errorf("%s was not made", filepath.Base(p))
		}
	}
}

func TestGoldenReferrers(t *testing.T) {
	dir := filepath.Join(goldenDir(t), "index-v1")
	_, want, ok := bytes.Cut(bytes.ReplaceAll(readFile(t, dir, "fallback-tag-response.txt"), []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	if !ok {
		t.Fatal("golden response has no body")
	}
	desc, err := convert.Referrer(readFile(t, dir, "sha256-fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, changed, err := convert.AddReferrer(nil, desc)
	if err != nil || !changed {
		t.Fatalf("changed %t, error %v", changed, err)
	}
	if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
		t.Errorf("referrers (-want +got):\n%s", d)
	}
	again, changed, err := convert.AddReferrer(got, desc)
	if err != nil || changed || !bytes.Equal(again, got) {
		t.Errorf("adding again: changed %t, error %v", changed, err)
	}
	desc.Digest = digest.FromString("another")
	more, changed, err := convert.AddReferrer(got, desc)
	if err != nil || !changed || !bytes.Contains(more, []byte(fmt.Sprintf("%q", desc.Digest))) || !bytes.HasPrefix(more, got[:len(got)-2]) {
		t.Errorf("adding another: changed %t, error %v: %s", changed, err, more)
	}
}
