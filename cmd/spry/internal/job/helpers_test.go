// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/ztoc/ztoctest"
)

// rig opens images and keeps what is shown.
type rig struct {
	t      *testing.T
	opener *place.Opener
	shown  *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	reg := remote.New(remote.Options{Retries: -1})
	o := place.NewOpener(place.Options{Registry: reg})
	t.Cleanup(func() {
		_ = o.Close()
		_ = reg.Close()
	})
	return &rig{t: t, opener: o, shown: &bytes.Buffer{}}
}

// options index all layers for linux/amd64 in small spans.
func (r *rig) options() job.Options {
	return job.Options{
		SpanSize: 1 << 16, Display: progress.Lines(r.shown),
		Platforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}},
	}
}

func (r *rig) open(name string) place.Image {
	r.t.Helper()
	n, err := place.Parse(name)
	if err != nil {
		r.t.Fatal(err)
	}
	img, err := r.opener.Open(r.t.Context(), n)
	if err != nil {
		r.t.Fatal(err)
	}
	return img
}

func (r *rig) convert(from, to string, o job.Options) (*job.Report, error) {
	r.t.Helper()
	src, dst := r.open(from), r.open(to)
	rep, err := job.Convert(r.t.Context(), src, dst, o)
	for _, img := range []place.Image{dst, src} {
		if cerr := img.Close(); cerr != nil {
			r.t.Fatal(cerr)
		}
	}
	return rep, err
}

func (r *rig) mustConvert(from, to string, o job.Options) *job.Report {
	r.t.Helper()
	rep, err := r.convert(from, to, o)
	if err != nil {
		r.t.Fatalf("convert %s to %s: %v", from, to, err)
	}
	return rep
}

// complete reads everything an image names, as a registry would want it.
func (r *rig) complete(name string) (ocispec.Index, []ocispec.Manifest) {
	r.t.Helper()
	img := r.open(name)
	root, err := img.Resolve(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var ix ocispec.Index
	r.read(img, root, &ix)
	var all []ocispec.Manifest
	for _, desc := range ix.Manifests {
		var m ocispec.Manifest
		r.read(img, desc, &m)
		for _, b := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
			if _, err := place.ReadAll(r.t.Context(), img, b, 1<<30); err != nil {
				r.t.Errorf("%s: blob of %s: %v", name, desc.Digest, err)
			}
		}
		all = append(all, m)
	}
	return ix, all
}

func (r *rig) read(img place.Image, desc ocispec.Descriptor, v any) {
	r.t.Helper()
	b, err := place.ReadManifest(r.t.Context(), img, desc)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// layers are gzip layers that take several spans.
func layers(t *testing.T, names ...string) []imagetest.Layer {
	t.Helper()
	var out []imagetest.Layer
	for i, name := range names {
		out = append(out, imagetest.Gzip(t,
			remotetest.File{Name: "etc/"},
			remotetest.File{Name: "etc/" + name, Body: name},
			remotetest.File{Name: name, Body: imagetest.Body(uint64(i), 300_000)},
		))
	}
	return out
}

func digestOf(l imagetest.Layer) digest.Digest { return digest.FromBytes(l.Blob) }

// skips maps layers to why they were skipped, "" for those that were not.
func skips(p job.PlatformReport) map[digest.Digest]string {
	out := map[digest.Digest]string{}
	for _, l := range p.Layers {
		out[l.Digest] = l.Skipped
	}
	return out
}

// golden is where the golden files lie, or the test is skipped.
func golden(t testing.TB) string {
	t.Helper()
	return string(ztoctest.FindGolden(t))
}
