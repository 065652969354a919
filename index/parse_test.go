// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

func sum(s string) digest.Digest { return digest.FromString(s) }

// full is an index that has everything.
func full() *index.Index {
	ztoc := func(name, layer string) index.LayerIndex {
		return index.LayerIndex{
			Descriptor: ocispec.Descriptor{MediaType: index.MediaTypeZtoc, Digest: sum(name), Size: 9},
			Layer:      sum(layer), LayerMediaType: "a <&> type",
		}
	}
	one, two := ztoc("z1", "l1"), ztoc("z2", "l1")
	one.SpanSize = 4 << 20
	two.DisableXattrs = true
	prefetch := func(name string) index.PrefetchRef {
		return index.PrefetchRef{Descriptor: ocispec.Descriptor{MediaType: index.MediaTypePrefetch, Digest: sum(name), Size: 3}, Layer: sum("l1")}
	}
	return &index.Index{
		Version: 2, BuildTool: "test", Annotations: map[string]string{"b": "2", "a": "1"},
		Layers: []index.LayerIndex{one, two}, Prefetch: []index.PrefetchRef{prefetch("p1"), prefetch("p2")},
		Compact: []index.CompactRef{
			{Descriptor: ocispec.Descriptor{Digest: sum("c1"), Size: 5}, Layer: sum("l1")},
			{Descriptor: ocispec.Descriptor{Digest: sum("c2"), Size: 5}, Layer: sum("l1")},
		},
		Other: []ocispec.Descriptor{{MediaType: "application/vnd.example", Digest: sum("o"), Size: 1}},
	}
}

// annotated is the same after a round trip: descriptors have annotations.
func annotated(t *testing.T, ix *index.Index) *index.Index {
	t.Helper()
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out, err := index.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	first := annotated(t, full())
	if d := cmp.Diff(first, annotated(t, first)); d != "" {
		t.Errorf("second round trip (-first +second):\n%s", d)
	}
	for i, want := range full().Layers {
		got := first.Layers[i]
		got.Descriptor.Annotations = nil
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("ztoc %d (-want +got):\n%s", i, d)
		}
	}
	if first.BuildTool != "test" || len(first.Annotations) != 2 || len(first.Other) != 1 {
		t.Errorf("index is %+v", first)
	}
}

func TestCanonicalForm(t *testing.T) {
	ix := full()
	ix.Layers, ix.Prefetch, ix.Compact, ix.Other = ix.Layers[:1], nil, nil, nil
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.amazon.soci.index.v2+json",` +
		`"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},` +
		`"layers":[{"mediaType":"application/octet-stream","digest":"` + sum("z1").String() + `","size":9,` +
		`"annotations":{"com.amazon.soci.image-layer-digest":"` + sum("l1").String() + `",` +
		`"com.amazon.soci.image-layer-mediaType":"a \u003c\u0026\u003e type","com.amazon.soci.span-size":"4194304"}}],` +
		`"annotations":{"a":"1","b":"2","com.amazon.soci.build-tool-identifier":"test"}}`
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Errorf("encoded (-want +got):\n%s", d)
	}
	empty, err := (&index.Index{Version: 2}).Encode()
	if err != nil || !strings.Contains(string(empty), `"layers":[]`) {
		t.Errorf("empty index: %s, error %v", empty, err)
	}
}

func TestEncodeLeavesArgument(t *testing.T) {
	ix := full()
	annotated(t, ix)
	if d := cmp.Diff(full(), ix); d != "" {
		t.Errorf("encoding changed the index:\n%s", d)
	}
}

func TestAnyLayout(t *testing.T) {
	b, err := full().Encode()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	m["artifactType"], m["unheardOf"] = "x", []int{1}
	loose, err := json.MarshalIndent(m, " ", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got, err := index.Parse(append(loose, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(annotated(t, full()), got); d != "" {
		t.Errorf("loose layout (-canonical +loose):\n%s", d)
	}
}

func TestLookups(t *testing.T) {
	ix := full()
	li, ok := ix.ForLayer(sum("l1"))
	if !ok || li.Descriptor.Digest != sum("z2") {
		t.Errorf("ztoc is %s, want the last", li.Descriptor.Digest)
	}
	desc, ok := ix.PrefetchFor(sum("l1"))
	if !ok || desc.Digest != sum("p1") {
		t.Errorf("prefetch artifact is %s, want the first", desc.Digest)
	}
	if _, ok := ix.ForLayer(sum("l2")); ok {
		t.Error("found a ztoc for a layer that has none")
	}
	if _, ok := ix.PrefetchFor(sum("l2")); ok {
		t.Error("found a prefetch artifact for a layer that has none")
	}
}

func TestCompactFor(t *testing.T) {
	ix := annotated(t, full())
	desc, ok := ix.CompactFor(sum("l1"))
	if !ok || desc.Digest != sum("c1") || desc.MediaType != index.MediaTypeCompact {
		t.Errorf("compact index %+v, found %t", desc, ok)
	}
	if _, ok := ix.CompactFor(sum("l2")); ok {
		t.Error("found a compact index for a layer that has none")
	}
	if len(ix.Other) != 1 {
		t.Errorf("%d other layers, want 1", len(ix.Other))
	}
}

func TestSubject(t *testing.T) {
	ix := full()
	ix.Version = 1
	ix.Subject = &ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: sum("m"), Size: 7,
		Annotations: map[string]string{"x": "y"}, Platform: &ocispec.Platform{OS: "linux"},
	}
	want := &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: sum("m"), Size: 7}
	if d := cmp.Diff(want, annotated(t, ix).Subject); d != "" {
		t.Errorf("subject (-want +got):\n%s", d)
	}
}

func TestEncodeErrors(t *testing.T) {
	subject := &ocispec.Descriptor{Digest: sum("m")}
	for _, ix := range []index.Index{{}, {Version: 1}, {Version: 2, Subject: subject}, {Version: 3}, {Version: 3, Subject: subject}} {
		if b, err := ix.Encode(); !errors.Is(err, index.ErrInvalid) {
			t.Errorf("version %d: %s, error %v", ix.Version, b, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	layer := func(s string) string {
		return fmt.Sprintf(`{"config":{"mediaType":%q},"layers":[%s]}`, index.ArtifactTypeV2, s)
	}
	ok := sum("x").String()
	cases := map[string]struct{ in, reason string }{
		"nothing":           {"", "unexpected end"},
		"no JSON":           {"{", "unexpected end"},
		"wrong type":        {`{"layers":{}}`, "cannot unmarshal"},
		"no version":        {`{}`, "no known version"},
		"empty config":      {`{"config":{"mediaType":"application/vnd.oci.empty.v1+json"}}`, "no known version"},
		"too large":         {strings.Repeat(" ", index.MaxSize) + "{}", "at most"},
		"ztoc digest":       {layer(`{"mediaType":"application/octet-stream","digest":"sha256:zz"}`), "layer 0: digest"},
		"unknown digest":    {layer(`{"mediaType":"x","digest":"md5:00000000000000000000000000000000"}`), "layer 0: digest"},
		"negative size":     {layer(`{"mediaType":"x","digest":"` + ok + `","size":-1}`), "negative size"},
		"no layer digest":   {layer(`{"mediaType":"application/octet-stream","digest":"` + ok + `"}`), "layer digest"},
		"no layer, compact": {layer(`{"mediaType":"` + index.MediaTypeCompact + `","digest":"` + ok + `"}`), "layer 0: compact index"},
		"no layer, 2nd":     {layer(`{"digest":"` + ok + `"},{"mediaType":"` + index.MediaTypePrefetch + `","digest":"` + ok + `"}`), "layer 1: prefetch"},
		"path as digest":    {layer(`{"mediaType":"application/octet-stream","digest":"` + ok + `","annotations":{"` + index.AnnotationLayerDigest + `":"../../x"}}`), "layer digest"},
		"span size":         {layer(`{"mediaType":"application/octet-stream","digest":"` + ok + `","annotations":{"` + index.AnnotationLayerDigest + `":"` + ok + `","` + index.AnnotationSpanSize + `":"4MiB"}}`), "not a size"},
		"negative spans":    {layer(`{"mediaType":"application/octet-stream","digest":"` + ok + `","annotations":{"` + index.AnnotationLayerDigest + `":"` + ok + `","` + index.AnnotationSpanSize + `":"-1"}}`), "not a size"},
		"subject's digest":  {`{"config":{"mediaType":"` + index.ArtifactTypeV1 + `"},"subject":{"digest":"x"}}`, "subject"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ix, err := index.Parse([]byte(c.in))
			if !errors.Is(err, index.ErrInvalid) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("index %+v, error %v, want %q", ix, err, c.reason)
			}
		})
	}
}

func TestDisableXattrs(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "1": true, "false": false, "": false, "yes": false} {
		ix := full()
		ix.Layers[0].Descriptor.Annotations = map[string]string{index.AnnotationDisableXattrs: value}
		if got := annotated(t, ix).Layers[0].DisableXattrs; got != want {
			t.Errorf("%q is %t, want %t", value, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := full().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"config":{"mediaType":"application/vnd.amazon.soci.index.v1+json"},"subject":{"digest":"` + sum("m").String() + `"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := index.Parse(b)
		if err != nil {
			if !errors.Is(err, index.ErrInvalid) {
				t.Errorf("error %v is not ErrInvalid", err)
			}
			return
		}
		if (ix.Version == 1) != (ix.Subject != nil) {
			return // readable, but nothing we would write
		}
		once, err := ix.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := index.Parse(once)
		if err != nil {
			t.Fatalf("parse of what was encoded: %v", err)
		}
		twice, err := again.Encode()
		if err != nil || string(once) != string(twice) {
			t.Errorf("encoding is not stable, error %v:\n%s\n%s", err, once, twice)
		}
	})
}
