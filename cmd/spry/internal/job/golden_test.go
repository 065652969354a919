// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// goldenOptions are what the golden files were made with.
func goldenOptions() job.Options {
	return job.Options{SpanSize: 65536, MinLayerSize: 50000, Display: progress.Lines(&bytes.Buffer{})}
}

// TestConvertIsGolden: images come out byte for byte as other tools write
// them, whatever they come from and go to.
func TestConvertIsGolden(t *testing.T) {
	dir := golden(t)
	amd64 := []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	for _, test := range []struct {
		image, golden string
		change        func(*job.Options)
	}{
		{"a", "a-v2", func(*job.Options) {}},
		{"a", "a-v2-prefetch", func(o *job.Options) {
			o.MarkXattrs = true
			o.PrefetchFiles = []string{"/orig.txt", "/bigfile.bin", "etc/passwd", "usr/share/doc/no-such"}
		}},
		{"b", "b-v2", func(o *job.Options) { o.AllPlatforms = true }},
		{"c", "c-v2", func(o *job.Options) { o.AllPlatforms = true }},
		{"c", "c-v2-default", func(o *job.Options) { o.Platforms = amd64 }},
	} {
		t.Run(test.golden, func(t *testing.T) {
			r := newRig(t)
			o := goldenOptions()
			test.change(&o)
			src := filepath.Join(dir, "images", test.image)
			want := filepath.Join(dir, "convert", test.golden)
			tmp := t.TempDir()
			rep := r.mustConvert("oci:"+src, "oci:"+tmp+"/dir", o)
			equalFiles(t, want, tmp+"/dir", "index.json")
			for _, m := range manifestsOf(t, want) {
				equalFiles(t, want, tmp+"/dir", m)
			}
			if again := r.mustConvert("oci:"+tmp+"/dir", "oci-archive:"+tmp+"/again.tar", o); again.Digest != rep.Digest {
				t.Errorf("converting again gives %s, want %s", again.Digest, rep.Digest)
			}
			r.complete("oci-archive:" + tmp + "/again.tar")
		})
	}
}

// manifestsOf lists the blobs that the index of a golden layout names.
func manifestsOf(t *testing.T, dir string) []string {
	t.Helper()
	r := newRig(t)
	img := r.open("oci:" + dir)
	root, err := img.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ix ocispec.Index
	r.read(img, root, &ix)
	out := []string{"blobs/sha256/" + root.Digest.Encoded()}
	for _, m := range ix.Manifests {
		out = append(out, "blobs/sha256/"+m.Digest.Encoded())
	}
	return out
}

func equalFiles(t *testing.T, want, got, name string) {
	t.Helper()
	w, err := os.ReadFile(filepath.Join(want, name))
	if err != nil {
		t.Fatal(err)
	}
	g, err := os.ReadFile(filepath.Join(got, name))
	if err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(string(w), string(g)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// TestCreateIsGolden: the same for v1.
func TestCreateIsGolden(t *testing.T) {
	dir := golden(t)
	want := map[string][]string{
		"a": {"sha256:fec1449fb874396872c0ec708be2946c297d5164ffa8e7674587c11b6e984c4a"},
		"b": {"sha256:a4f2339fe30d0b1bef77418bc1355a49585ea216966d9ab941051c7dd5347878", "sha256:d359a2bd7ad504169e10fc6d2c5a736763e9eb685e9bd7a117ec5c49597a2b5d", ""},
	}
	for image, digests := range want {
		r := newRig(t)
		tmp := t.TempDir()
		if err := os.CopyFS(tmp, os.DirFS(filepath.Join(dir, "images", image))); err != nil {
			t.Fatal(err)
		}
		o := goldenOptions()
		o.AllPlatforms = true
		rep, err := job.Create(t.Context(), r.open("oci:"+tmp), o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range rep.Platforms {
			got = append(got, p.Index.String())
		}
		if d := cmp.Diff(digests, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", image, d)
		}
	}
}

// TestGoldenSkips: layers that other tools refuse, or index so that nobody can
// read them, cost an image only themselves.
func TestGoldenSkips(t *testing.T) {
	dir := golden(t)
	r := newRig(t)
	tmp := t.TempDir()
	want := map[string]string{
		"err-globalpax": "global", "err-contiguous": "contiguous", "err-sparse-gnu": "sparse",
		"err-trailzeros": "gzip member", "err-trailgarbage": "gzip member", "err-zlibwrapped": "gzip",
		"sparse-pax1": "sparse", "sparse-pax1-last": "sparse",
	}
	names := slices.Sorted(maps.Keys(want))
	all := []imagetest.Layer{}
	for _, name := range append(names, "doc-gnugzip-6") {
		b, err := os.ReadFile(filepath.Join(dir, "layers", name+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: b})
	}
	imagetest.New(t, tmp).Image("in", imagetest.Linux("amd64", all...))
	got := skips(r.mustConvert("oci:"+tmp+":in", "oci:"+tmp+":out", r.options()).Platforms[0])
	for i, name := range names {
		if reason := got[digestOf(all[i])]; !strings.Contains(reason, want[name]) {
			t.Errorf("%s: reason is %q, want %q in it", name, reason, want[name])
		}
	}
	if reason := got[digestOf(all[len(names)])]; reason != "" {
		t.Errorf("the good layer: %s", reason)
	}
}
