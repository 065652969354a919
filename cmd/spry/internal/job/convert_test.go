// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/job"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
)

// TestConvertBetweenAllKinds: every way gives the same image, complete.
func TestConvertBetweenAllKinds(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	ls := layers(t, "one", "two")
	l := imagetest.New(t, filepath.Join(dir, "in"))
	l.Index("x", imagetest.Linux("amd64", ls...), imagetest.Linux("arm64", ls[1]), imagetest.Platform{Layers: []imagetest.Layer{{MediaType: "application/vnd.in-toto+json", Blob: []byte(`{}`)}}})
	srv, other := remotetest.New(t), remotetest.New(t)
	sources := []string{"oci:" + dir + "/in:x", "oci-archive:" + dir + "/in.tar", "docker://" + srv.Ref("in", "x")}
	want := r.mustConvert(sources[0], sources[1], r.options()).Digest
	// The two other sources hold a converted image, which converts to itself.
	if got := r.mustConvert(sources[0], sources[2], r.options()).Digest; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for i, from := range sources {
		for j, to := range []string{
			fmt.Sprintf("oci:%s/out%d:x", dir, i), fmt.Sprintf("oci-archive:%s/out%d.tar", dir, i),
			"docker://" + srv.Ref(fmt.Sprintf("out%d", i), "x"), "docker://" + srv.Ref("in", fmt.Sprintf("out%d", i)), "docker://" + other.Ref(fmt.Sprintf("out%d", i), "x"),
			from,
		} {
			t.Run(fmt.Sprintf("%d to %d", i, j), func(t *testing.T) {
				rep := r.mustConvert(from, to, r.options())
				if rep.Digest != want {
					t.Errorf("got %s, want %s", rep.Digest, want)
				}
				ix, ms := r.complete(to)
				if len(ix.Manifests) != 4 || ix.Manifests[3].ArtifactType != index.ArtifactTypeV2 || len(ms[3].Layers) != 2 {
					t.Errorf("image is %+v", ix)
				}
			})
		}
	}
}

func TestConvertSkipsLayers(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	good := layers(t, "good", "other")
	zstd := imagetest.Zstd(t, remotetest.File{Name: "z", Body: "z"})
	small := imagetest.Gzip(t, remotetest.File{Name: "s", Body: "s"})
	notGzip := imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: []byte(imagetest.Body(7, 5000))}
	trailing := imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: append(append([]byte{}, good[0].Blob...), make([]byte, 512)...)}
	cut := imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: good[0].Blob[:len(good[0].Blob)/2]}
	global := globalPAX(t)
	secret := imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip + "+encrypted", Blob: []byte(imagetest.Body(6, 5000))}
	attached := imagetest.Layer{MediaType: "application/json", Blob: []byte(`{}`)}
	all := []imagetest.Layer{good[0], zstd, small, notGzip, trailing, cut, global, secret, attached, good[1]}
	imagetest.New(t, dir).Image("in", imagetest.Linux("amd64", all...))
	o := r.options()
	o.MinLayerSize = 1000
	rep := r.mustConvert("oci:"+dir+":in", "oci:"+dir+":out", o)

	got := skips(rep.Platforms[0])
	for _, test := range []struct {
		name  string
		layer imagetest.Layer
		want  string // "" = indexed
	}{
		{"good", good[0], ""}, {"other", good[1], ""},
		{"zstd", zstd, "zstd layers cannot be indexed"}, {"small", small, "below the minimum layer size"},
		{"not gzip", notGzip, "gzip"}, {"trailing", trailing, "last gzip member"}, {"cut", cut, "truncated"},
		{"global", global, "global"}, {"encrypted", secret, "cannot be indexed"}, {"not a layer", attached, "not a layer"},
	} {
		reason := got[digestOf(test.layer)]
		if (reason == "") != (test.want == "") || !strings.Contains(reason, test.want) {
			t.Errorf("%s: reason is %q, want %q in it", test.name, reason, test.want)
		}
		if reason != "" && !strings.Contains(r.shown.String(), reason) {
			t.Errorf("%s: %q is not shown", test.name, reason)
		}
	}
	_, ms := r.complete("oci:" + dir + ":out")
	if len(ms[0].Layers) != len(all) || len(ms[1].Layers) != 2 {
		t.Errorf("image has %d layers and index %d, want %d and 2", len(ms[0].Layers), len(ms[1].Layers), len(all))
	}
}

// globalPAX is a layer with a header for all entries, which a ztoc has no
// word for.
func globalPAX(t *testing.T) imagetest.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}); err != nil {
		t.Fatal(err)
	}
	buf.Write(remotetest.Tar(t, remotetest.File{Name: "f", Body: imagetest.Body(8, 5000)}))
	return imagetest.Layer{MediaType: ocispec.MediaTypeImageLayerGzip, Blob: remotetest.Gzip(t, buf.Bytes())}
}

func TestConvertNothing(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	imagetest.New(t, dir+"/in").Index("", imagetest.Linux("amd64", imagetest.Zstd(t, remotetest.File{Name: "a", Body: "a"})), imagetest.Linux("arm64"))
	o := r.options()
	o.AllPlatforms = true
	_, err := r.convert("oci:"+dir+"/in", "oci:"+dir+"/out", o)
	var nothing *job.NothingError
	if !errors.As(err, &nothing) {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{"no layer could be indexed", "linux/amd64", "zstd layers", "linux/arm64: image has no layers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if _, err := os.Stat(dir + "/out"); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestConvertPlatforms(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	ls := layers(t, "one", "two", "three")
	l.Index("all", imagetest.Linux("amd64", ls[0]), imagetest.Linux("arm64", ls[1]), imagetest.Linux("s390x", ls[2]))
	l.Image("single", imagetest.Linux("riscv64", ls[0]))
	platform := func(arch ...string) (out []ocispec.Platform) {
		for _, a := range arch {
			out = append(out, ocispec.Platform{OS: "linux", Architecture: a})
		}
		return out
	}
	for _, test := range []struct {
		name, tag string
		platforms []ocispec.Platform
		all       bool
		want      []string
		err       string
	}{
		{"one", "all", platform("arm64"), false, []string{"linux/arm64"}, ""},
		{"variant", "all", []ocispec.Platform{{OS: "linux", Architecture: "arm64", Variant: "v8"}}, false, []string{"linux/arm64"}, ""},
		{"two, twice", "all", platform("s390x", "amd64", "s390x"), false, []string{"linux/s390x", "linux/amd64"}, ""},
		{"all", "all", nil, true, []string{"linux/amd64", "linux/arm64", "linux/s390x"}, ""},
		{"the only one", "single", nil, false, []string{"linux/riscv64"}, ""},
		{"unknown", "all", platform("ppc64le"), false, nil, "platform linux/ppc64le: not found, the image has linux/amd64, linux/arm64, linux/s390x"},
		{"not the only one", "single", platform("amd64"), false, nil, "the image has linux/riscv64"},
	} {
		o := r.options()
		o.Platforms, o.AllPlatforms = test.platforms, test.all
		rep, err := r.convert("oci:"+dir+":"+test.tag, "oci:"+dir+":out", o)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q in it", test.name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, p := range rep.Platforms {
			got = append(got, p.Platform)
			if p.Index == "" {
				t.Errorf("%s: %s has no index", test.name, p.Platform)
			}
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}

// TestConvertAbsentPlatforms: what the source lacks stays named in its own
// store and is left out elsewhere.
func TestConvertAbsentPlatforms(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	root := l.Index("in", imagetest.Linux("amd64", layers(t, "one")...), imagetest.Linux("arm64", layers(t, "two")...))
	var ix ocispec.Index
	l.Read(root.Digest, &ix)
	absent := ix.Manifests[1].Digest
	l.Remove(absent)

	rep := r.mustConvert("oci:"+dir+":in", "oci:"+dir+":out", r.options())
	l.Read(rep.Digest, &ix)
	if len(ix.Manifests) != 3 || ix.Manifests[1].Digest != absent {
		t.Errorf("same place: %+v", ix.Manifests)
	}
	srv := remotetest.New(t)
	r.mustConvert("oci:"+dir+":in", "docker://"+srv.Ref("out", "x"), r.options())
	if ix, _ := r.complete("docker://" + srv.Ref("out", "x")); len(ix.Manifests) != 2 {
		t.Errorf("other place: %+v", ix.Manifests)
	}
	if !strings.Contains(r.shown.String(), "of linux/arm64: left out") {
		t.Errorf("not said: %s", r.shown)
	}
	o := r.options()
	o.Platforms[0].Architecture = "arm64"
	if _, err := r.convert("oci:"+dir+":in", "oci:"+dir+":out", o); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), absent.String()) {
		t.Errorf("wanted one: %v", err)
	}
	o.AllPlatforms = true
	if _, err := r.convert("oci:"+dir+":in", "oci:"+dir+":out", o); !errdefs.IsNotFound(err) {
		t.Errorf("all: %v", err)
	}
}

// TestConvertIncompletePlatforms: a manifest whose layers the source lacks is
// left out elsewhere, unless they are there already.
func TestConvertIncompletePlatforms(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	ls := layers(t, "one", "two")
	l.Index("in", imagetest.Linux("amd64", ls[0]), imagetest.Linux("arm64", ls...))
	l.Remove(digestOf(ls[1]))
	srv := remotetest.New(t)
	for _, want := range []int{2, 3} { // images and indexes
		r.mustConvert("oci:"+dir+":in", "docker://"+srv.Ref("out", "x"), r.options())
		if ix, _ := r.complete("docker://" + srv.Ref("out", "x")); len(ix.Manifests) != want {
			t.Errorf("got %d manifests, want %d", len(ix.Manifests), want)
		}
		srv.PushBlob(ls[1].Blob)
	}
	o := r.options()
	o.AllPlatforms = true
	if _, err := r.convert("oci:"+dir+":in", "oci:"+dir+"/out", o); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), digestOf(ls[1]).String()) {
		t.Errorf("wanted one: %v", err)
	}
}

// TestConvertKeepsOtherIndexes: indexes of platforms not chosen now come
// along with their ztocs.
func TestConvertKeepsOtherIndexes(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	imagetest.New(t, dir+"/in").Index("", imagetest.Linux("amd64", layers(t, "one")...), imagetest.Linux("arm64", layers(t, "two")...))
	o := r.options()
	o.AllPlatforms = true
	first := r.mustConvert("oci:"+dir+"/in", "oci:"+dir+"/all", o)
	second := r.mustConvert("oci:"+dir+"/all", "oci:"+dir+"/again", r.options())
	if first.Digest != second.Digest {
		t.Errorf("got %s, want %s", second.Digest, first.Digest)
	}
	if ix, _ := r.complete("oci:" + dir + "/again"); len(ix.Manifests) != 4 {
		t.Errorf("image is %+v", ix.Manifests)
	}
}

func TestConvertIndexPlatform(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	imagetest.New(t, dir).Image("in", imagetest.Linux("amd64", layers(t, "one")...))
	o := r.options()
	o.IndexPlatform = convert.UnknownPlatform
	r.mustConvert("oci:"+dir+":in", "oci:"+dir+":out", o)
	ix, _ := r.complete("oci:" + dir + ":out")
	if p := ix.Manifests[1].Platform; p == nil || p.OS != "unknown" || p.Architecture != "unknown" {
		t.Errorf("platform of the index is %+v", p)
	}
}

// TestConvertHostileManifest: nonsense in a manifest is an error, whatever it
// is.
func TestConvertHostileManifest(t *testing.T) {
	ls := layers(t, "one")
	for name, change := range map[string]func(*ocispec.Manifest){
		"no digest":     func(m *ocispec.Manifest) { m.Layers[0].Digest = "" },
		"bad digest":    func(m *ocispec.Manifest) { m.Layers[0].Digest = "sha256:../../../../etc/passwd" },
		"other digest":  func(m *ocispec.Manifest) { m.Layers[0].Digest = "x" },
		"bad config":    func(m *ocispec.Manifest) { m.Config.Digest = "x" },
		"size too low":  func(m *ocispec.Manifest) { m.Layers[0].Size = 5 },
		"size too high": func(m *ocispec.Manifest) { m.Layers[0].Size = 1 << 60 },
	} {
		r := newRig(t)
		dir := t.TempDir()
		l := imagetest.New(t, dir)
		var m ocispec.Manifest
		l.Read(l.Image("good", imagetest.Linux("amd64", ls...)).Digest, &m)
		change(&m)
		srv := remotetest.New(t)
		srv.PushManifest("in", "x", m.MediaType, m)
		srv.PushBlob(ls[0].Blob)
		for _, to := range []string{"oci:" + dir + "/out", "docker://" + srv.Ref("in", "y")} {
			o := r.options()
			o.Platforms = nil
			if _, err := r.convert("docker://"+srv.Ref("in", "x"), to, o); err == nil {
				t.Errorf("%s to %s: no error", name, to)
			}
		}
		if srv.Manifest("in", "y") != nil {
			t.Errorf("%s: an image was written", name)
		}
	}
}

// TestConvertWrongLayer: bytes that are not the layer's are an error, no
// reason to skip it.
func TestConvertWrongLayer(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	ls := layers(t, "one", "two")
	l.Image("in", imagetest.Linux("amd64", ls...))
	if err := os.WriteFile(l.Path(digestOf(ls[0])), ls[1].Blob, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"oci:" + dir + ":out", "oci:" + dir + "/other"} {
		if _, err := r.convert("oci:"+dir+":in", to, r.options()); err == nil || !strings.Contains(err.Error(), digestOf(ls[0]).String()) {
			t.Errorf("to %s: %v", to, err)
		}
	}
}

// TestConvertFollowsCopies: a layer is indexed while it is copied. What it is
// judged by is the copy.
func TestConvertFollowsCopies(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir+"/in")
	big := imagetest.Gzip(t, remotetest.File{Name: "big", Body: imagetest.Body(3, 20<<20)})
	if len(big.Blob) < 9<<20 {
		t.Fatalf("layer of %d bytes is copied in one piece", len(big.Blob))
	}
	l.Image("in", imagetest.Linux("amd64", big))
	want := r.mustConvert("oci:"+dir+"/in:in", "oci-archive:"+dir+"/out.tar", r.options()).Digest
	if got := r.mustConvert("oci:"+dir+"/in:in", "oci:"+dir+"/out", r.options()).Digest; got != want {
		t.Errorf("image is %s, want %s", got, want)
	}
	if got := r.mustConvert("oci-archive:"+dir+"/out.tar", "oci:"+dir+"/again", r.options()).Digest; got != want {
		t.Errorf("image from an archive is %s, want %s", got, want)
	}
	for i, off := range []int{0, len(big.Blob) / 2, len(big.Blob) - 1} {
		bad := bytes.Clone(big.Blob)
		bad[off] ^= 1
		if err := os.WriteFile(l.Path(digestOf(big)), bad, 0o644); err != nil {
			t.Fatal(err)
		}
		to := fmt.Sprintf("oci:%s/bad%d:out", dir, i)
		if _, err := r.convert("oci:"+dir+"/in:in", to, r.options()); !errdefs.IsDataLoss(err) {
			t.Errorf("byte %d is wrong: error %v, want data loss", off, err)
		}
		if _, err := r.open(to).Resolve(t.Context()); !errdefs.IsNotFound(err) {
			t.Errorf("byte %d is wrong: an image was written, error %v", off, err)
		}
	}
}

func TestConvertBrokenSource(t *testing.T) {
	r := newRig(t)
	srv := remotetest.New(t)
	ls := layers(t, "one", "two")
	srv.PushImage("in", "x", ls[0].Blob, ls[1].Blob)
	srv.DeleteBlob(digestOf(ls[1]))
	_, err := r.convert("docker://"+srv.Ref("in", "x"), "docker://"+srv.Ref("in", "out"), r.options())
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), digestOf(ls[1]).String()) {
		t.Errorf("missing layer: %v", err)
	}
	if srv.Manifest("in", "out") != nil {
		t.Error("an image was written")
	}
}

// TestConvertReadsLayersOnce: a registry is asked for each layer once, a second
// pass is for bytes on this host.
func TestConvertReadsLayersOnce(t *testing.T) {
	srv := remotetest.New(t)
	ls := layers(t, "one")
	srv.PushImage("in", "x", ls[0].Blob)
	for _, to := range []string{"docker://" + srv.Ref("in", "out"), "oci:" + t.TempDir()} {
		r := newRig(t)
		before := fetches(srv, digestOf(ls[0]))
		r.mustConvert("docker://"+srv.Ref("in", "x"), to, r.options())
		if n := fetches(srv, digestOf(ls[0])) - before; n != 1 {
			t.Errorf("to %s: layer was fetched %d times", to, n)
		}
	}
}

func fetches(srv *remotetest.Server, d digest.Digest) int {
	n := 0
	for _, q := range srv.Requests() {
		if q.Method == "GET" && strings.HasSuffix(q.Path, d.String()) {
			n++
		}
	}
	return n
}

// TestConvertReuses: an index that is there is verified and taken, unless
// told otherwise; a wrong one is not.
func TestConvertReuses(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	l.Image("in", imagetest.Linux("amd64", layers(t, "one")...))
	reused := func(tag string, change func(*job.Options)) bool {
		t.Helper()
		o := r.options()
		change(&o)
		return r.mustConvert("oci:"+dir+":in", "oci:"+dir+":"+tag, o).Platforms[0].Layers[0].Reused
	}
	if reused("out", func(*job.Options) {}) {
		t.Error("reused what was not there")
	}
	if !reused("out2", func(*job.Options) {}) {
		t.Error("not reused")
	}
	if reused("out2", func(o *job.Options) { o.Force = true }) {
		t.Error("reused although forced")
	}
	if reused("out3", func(o *job.Options) { o.SpanSize = 1 << 17 }) {
		t.Error("reused with other spans")
	}
}

func TestReuseRefusesWrongZtoc(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	// Two layers of the same sizes: the ztoc of one is well formed for the
	// other, and wrong.
	a := imagetest.Plain(t, remotetest.File{Name: "one", Body: imagetest.Body(1, 200_000)})
	b := imagetest.Plain(t, remotetest.File{Name: "two", Body: imagetest.Body(2, 200_000)})
	l.Image("a", imagetest.Linux("amd64", a))
	l.Image("b", imagetest.Linux("amd64", b))
	right := r.mustConvert("oci:"+dir+":b", "oci:"+dir+"/b", r.options())
	rep, err := job.Create(t.Context(), r.open("oci:"+dir+":a"), r.options())
	if err != nil {
		t.Fatal(err)
	}
	img := r.open("oci:" + dir + ":b")
	plant(t, img, rep.Platforms[0].Index, digestOf(b))
	got := r.mustConvert("oci:"+dir+":b", "oci:"+dir+":out", r.options())
	if l := got.Platforms[0].Layers[0]; l.Reused || got.Digest != right.Digest {
		t.Errorf("got %s, reused %v, want %s", got.Digest, l.Reused, right.Digest)
	}
}

// plant attaches to the image img an index that claims the ztoc of another
// layer for layer.
func plant(t *testing.T, img place.Image, from, layer digest.Digest) {
	t.Helper()
	b, err := place.ReadManifest(t.Context(), img, ocispec.Descriptor{Digest: from})
	if err != nil {
		t.Fatal(err)
	}
	ix, err := index.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	ix.Layers[0].Layer = layer
	if b, err = ix.Encode(); err != nil {
		t.Fatal(err)
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(b), Size: int64(len(b)), ArtifactType: index.ArtifactTypeV1}
	if err := img.Put(t.Context(), desc, place.Bytes(b)); err != nil {
		t.Fatal(err)
	}
	if err := img.Attach(t.Context(), place.Attachment{Subject: *ix.Subject, Desc: desc, Manifest: b}); err != nil {
		t.Fatal(err)
	}
}
