// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// fixture is a registry with an image "app" and what belongs to it.
type fixture struct {
	*remotetest.Server
	ref  index.LayerRef
	ztoc ocispec.Descriptor
}

// registry has retries that take no time.
func registry(t *testing.T, o remote.HostOptions) *remote.Registry {
	t.Helper()
	r := remote.New(remote.Options{Retries: 2, Backoff: time.Millisecond, Hosts: remote.Hosts(o)})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func quick() discover.Options {
	return discover.Options{Backoff: time.Millisecond, NoneFor: time.Hour}
}

// image pushes an image whose manifest has annotations.
func image(t *testing.T, annotations map[string]string) *fixture {
	t.Helper()
	f := &fixture{Server: remotetest.New(t)}
	f.push(t, annotations)
	return f
}

func (f *fixture) push(t *testing.T, annotations map[string]string) {
	t.Helper()
	img := f.PushImageWith("app", "latest", annotations, remotetest.Tar(t, remotetest.File{Name: "a", Body: "x"}))
	f.ref = index.LayerRef{Image: f.Ref("app", "latest"), Manifest: img.Manifest.Digest, Layer: img.Layers[0].Digest}
	f.ztoc = f.PushBlob([]byte("a ztoc"))
}

// index pushes an index of a version for the image.
func (f *fixture) index(t *testing.T, version int, subject digest.Digest) ocispec.Descriptor {
	t.Helper()
	ix := &index.Index{
		Version: version, BuildTool: index.DefaultBuildTool,
		Layers: []index.LayerIndex{{Descriptor: f.ztoc, Layer: f.ref.Layer, SpanSize: 1}},
	}
	if subject != "" {
		ix.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1}
	}
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return f.PushManifest("app", "", ocispec.MediaTypeImageManifest, b)
}

// v2 is a whole image with a v2 index.
func v2(t *testing.T) (*fixture, digest.Digest) {
	t.Helper()
	f := image(t, nil)
	d := f.index(t, 2, "").Digest
	f.push(t, map[string]string{index.AnnotationIndexDigest: d.String()})
	return f, d
}

func TestFindSources(t *testing.T) {
	tests := []struct {
		name   string
		make   func(*testing.T) (*fixture, digest.Digest) // "" = ErrNoIndex
		v1     bool
		source string
	}{
		{name: "annotation", source: discover.SourceAnnotation, make: v2},
		{name: "label", source: discover.SourceLabel, make: func(t *testing.T) (*fixture, digest.Digest) {
			f, _ := v2(t)
			f.ref.Index = f.index(t, 1, f.ref.Manifest).Digest
			return f, f.ref.Index
		}},
		{name: "label without manifest", source: discover.SourceLabel, make: func(t *testing.T) (*fixture, digest.Digest) {
			f, d := v2(t)
			f.ref.Index, f.ref.Manifest = d, ""
			return f, d
		}},
		{name: "referrers", v1: true, source: discover.SourceReferrers, make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			return f, f.index(t, 1, f.ref.Manifest).Digest
		}},
		{name: "fallback tag", v1: true, source: discover.SourceReferrers, make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			desc := f.index(t, 1, f.ref.Manifest)
			desc.ArtifactType = index.ArtifactTypeV1
			f.DisableReferrers()
			f.PushManifest("app", "sha256-"+f.ref.Manifest.Encoded(), ocispec.MediaTypeImageIndex,
				ocispec.Index{Manifests: []ocispec.Descriptor{desc}})
			return f, desc.Digest
		}},
		{name: "annotation before referrers", v1: true, source: discover.SourceAnnotation, make: func(t *testing.T) (*fixture, digest.Digest) {
			f, d := v2(t)
			f.index(t, 1, f.ref.Manifest)
			return f, d
		}},
		{name: "v1 is not allowed", make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			f.index(t, 1, f.ref.Manifest)
			return f, ""
		}},
		{name: "nothing", v1: true, make: func(t *testing.T) (*fixture, digest.Digest) { return image(t, nil), "" }},
		{name: "nothing asked for", v1: true, make: func(t *testing.T) (*fixture, digest.Digest) {
			f, _ := v2(t)
			f.ref.Manifest = ""
			return f, ""
		}},
		{name: "index of another image among the referrers", v1: true, make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			desc := f.index(t, 1, digest.FromString("another image"))
			desc.ArtifactType = index.ArtifactTypeV1
			f.DisableReferrers()
			f.PushManifest("app", "sha256-"+f.ref.Manifest.Encoded(), ocispec.MediaTypeImageIndex,
				ocispec.Index{Manifests: []ocispec.Descriptor{desc}})
			return f, ""
		}},
		{name: "manifest is not there", make: func(t *testing.T) (*fixture, digest.Digest) {
			f, _ := v2(t)
			f.ref.Manifest = digest.FromString("gone")
			return f, ""
		}},
		{name: "index is not there", make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, map[string]string{index.AnnotationIndexDigest: digest.FromString("gone").String()})
			return f, ""
		}},
		{name: "annotation is no digest", make: func(t *testing.T) (*fixture, digest.Digest) {
			return image(t, map[string]string{index.AnnotationIndexDigest: "../../x"}), ""
		}},
		{name: "index is no index", make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			f.ref.Index = f.ref.Manifest
			return f, ""
		}},
		{name: "index is too large", make: func(t *testing.T) (*fixture, digest.Digest) {
			f := image(t, nil)
			f.ref.Index = f.PushManifest("app", "", ocispec.MediaTypeImageManifest, make([]byte, index.MaxSize+1)).Digest
			return f, ""
		}},
		{name: "index stays corrupt", make: func(t *testing.T) (*fixture, digest.Digest) {
			f, d := v2(t)
			f.Rule(remotetest.Rule{Path: d.String(), Do: remotetest.Corrupt(3)})
			return f, ""
		}},
		{name: "burst of 503", source: discover.SourceAnnotation, make: func(t *testing.T) (*fixture, digest.Digest) {
			f, d := v2(t)
			f.Rule(remotetest.Rule{Times: 7, Do: remotetest.Status(503)})
			return f, d
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, want := tt.make(t)
			o := quick()
			o.V1 = tt.v1
			finder := discover.New(registry(t, remote.HostOptions{}), o)
			got, err := finder.Find(t.Context(), f.ref)
			if want == "" {
				if !errors.Is(err, index.ErrNoIndex) {
					t.Errorf("wrong error: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest != want || got.Source != tt.source {
				t.Errorf("got %s by %s, want %s by %s", got.Digest, got.Source, want, tt.source)
			}
			layer, ok := got.Index.ForLayer(f.ref.Layer)
			if !ok {
				t.Fatal("layer is not in the index")
			}
			b, err := finder.Artifact(t.Context(), f.ref, layer.Descriptor, 100)
			if err != nil || string(b) != "a ztoc" {
				t.Errorf("ztoc is %q, %v", b, err)
			}
		})
	}
}

// TestFindErrors has failures that say nothing about the image.
func TestFindErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		do        remotetest.Action
		is        func(error) bool
		transient bool
	}{
		"401": {remotetest.Status(401), errdefs.IsUnauthorized, false},
		"403": {remotetest.Status(403), errdefs.IsPermissionDenied, false},
		"500": {remotetest.Status(500), errdefs.IsUnavailable, true},
		"cut": {remotetest.Cut(0), errdefs.IsUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, want := v2(t)
			finder := discover.New(registry(t, remote.HostOptions{}), quick())
			f.Rule(remotetest.Rule{Do: tt.do})
			_, err := finder.Find(t.Context(), f.ref)
			if !tt.is(err) || errors.Is(err, index.ErrNoIndex) || remote.Transient(err) != tt.transient {
				t.Errorf("wrong error: %v", err)
			}
			f.ClearRules() // and it is not remembered
			got, err := finder.Find(t.Context(), f.ref)
			if err != nil || got.Digest != want {
				t.Errorf("after the trouble: %v", err)
			}
		})
	}
}

func TestFindRemembers(t *testing.T) {
	f, _ := v2(t)
	finder := discover.New(registry(t, remote.HostOptions{}), quick())
	for range 3 {
		if _, err := finder.Find(t.Context(), f.ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.Count("", ""); n != 2 { // manifest, index
		t.Errorf("%d requests, want 2", n)
	}
	none := image(t, nil)
	for range 3 {
		if _, err := finder.Find(t.Context(), none.ref); !errors.Is(err, index.ErrNoIndex) {
			t.Fatal(err)
		}
	}
	if n := none.Count("", ""); n != 1 {
		t.Errorf("%d requests for an image without index, want 1", n)
	}
}

func TestFindForgets(t *testing.T) {
	o := quick()
	o.NoneFor = time.Nanosecond
	o.Remember = 2
	finder := discover.New(registry(t, remote.HostOptions{}), o)
	none := image(t, nil)
	for range 2 {
		if _, err := finder.Find(t.Context(), none.ref); !errors.Is(err, index.ErrNoIndex) {
			t.Fatal(err)
		}
	}
	if n := none.Count("", ""); n != 2 {
		t.Errorf("%d requests, want 2: absence is remembered for a nanosecond", n)
	}
	f, _ := v2(t)
	for _, image := range []string{"a", "b", "c", "a"} { // "a" is out when it comes again
		ref := f.ref
		ref.Index, ref.Image = "", f.Ref("app", image)
		if _, err := finder.Find(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.Count("", ""); n != 8 {
		t.Errorf("%d requests, want 8", n)
	}
}

// A registry that does not answer is waited for once a pull, not for each layer.
func TestFindGivesUpInTime(t *testing.T) {
	o := quick()
	o.Timeout = 100 * time.Millisecond
	finder := discover.New(registry(t, remote.HostOptions{}), o)
	f, want := v2(t)
	f.Rule(remotetest.Rule{Do: remotetest.Hold(nil)})
	for range 2 {
		if _, err := finder.Find(t.Context(), f.ref); err == nil || errors.Is(err, index.ErrNoIndex) {
			t.Errorf("got %v", err)
		}
	}
	if n := f.Count("", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	f.ClearRules()
	o.NoneFor = time.Nanosecond // forget it
	finder = discover.New(registry(t, remote.HostOptions{}), o)
	f.Rule(remotetest.Rule{Times: 1, Do: remotetest.Hold(nil)})
	if _, err := finder.Find(t.Context(), f.ref); err == nil {
		t.Error("found an index where nothing answers")
	}
	if found, err := finder.Find(t.Context(), f.ref); err != nil || found.Digest != want {
		t.Errorf("after the registry is back: %v, %v", found, err)
	}
}

// TestFindIsShared has all layers of an image ask at once.
func TestFindIsShared(t *testing.T) {
	f, want := v2(t)
	finder := discover.New(registry(t, remote.HostOptions{}), quick())
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			got, err := finder.Find(t.Context(), f.ref)
			if err != nil || got.Digest != want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := f.Count("", ""); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestFindSurvivesTheFirst cancels who searches while another waits.
func TestFindSurvivesTheFirst(t *testing.T) {
	f, want := v2(t)
	finder := discover.New(registry(t, remote.HostOptions{}), quick())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	arrived := make(chan struct{})
	f.Rule(remotetest.Rule{Times: 1, Do: func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		close(arrived)
		remotetest.Hold(ctx.Done())(w, r, h)
	}})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := finder.Find(ctx, f.ref)
		first <- err
	}()
	<-arrived
	go func() {
		got, err := finder.Find(t.Context(), f.ref)
		if err == nil && got.Digest != want {
			err = fmt.Errorf("got %s", got.Digest)
		}
		second <- err
	}()
	cancel()
	if err := <-first; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

func TestLocalContent(t *testing.T) {
	f, want := v2(t)
	var asked []digest.Digest
	local := map[digest.Digest][]byte{
		f.ref.Manifest: f.Manifest("app", f.ref.Manifest.String()),
		want:           []byte("something else"), // not trusted
	}
	o := quick()
	o.Local = func(_ context.Context, desc ocispec.Descriptor) ([]byte, error) {
		asked = append(asked, desc.Digest)
		if b, ok := local[desc.Digest]; ok {
			return b, nil
		}
		return nil, errdefs.ErrNotFound
	}
	finder := discover.New(registry(t, remote.HostOptions{}), o)
	got, err := finder.Find(t.Context(), f.ref)
	if err != nil || got.Digest != want {
		t.Fatalf("got %v, %v", got, err)
	}
	if diff := cmp.Diff([]digest.Digest{f.ref.Manifest, want}, asked); diff != "" {
		t.Error(diff)
	}
	if m, i := f.Count("", f.ref.Manifest.String()), f.Count("", want.String()); m != 0 || i != 1 {
		t.Errorf("registry was asked %d times for the manifest and %d for the index", m, i)
	}
}

func TestArtifactLimits(t *testing.T) {
	f := image(t, nil)
	finder := discover.New(registry(t, remote.HostOptions{}), quick())
	for name, tt := range map[string]struct {
		desc  ocispec.Descriptor
		limit int64
		want  error
	}{
		"right":              {f.ztoc, 6, nil},
		"size unknown":       {ocispec.Descriptor{Digest: f.ztoc.Digest}, 6, nil},
		"too large":          {f.ztoc, 5, remote.ErrTooLarge},
		"unknown, too large": {ocispec.Descriptor{Digest: f.ztoc.Digest}, 5, remote.ErrTooLarge},
		"beyond all limits":  {ocispec.Descriptor{Digest: f.ztoc.Digest, Size: 1 << 40}, 1 << 50, remote.ErrTooLarge},
		"no digest":          {ocispec.Descriptor{Digest: "x", Size: 6}, 6, errdefs.ErrInvalidArgument},
		"other size":         {ocispec.Descriptor{Digest: f.ztoc.Digest, Size: 4}, 6, remote.ErrCorrupt},
		"gone":               {ocispec.Descriptor{Digest: digest.FromString("gone"), Size: 6}, 6, errdefs.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := finder.Artifact(t.Context(), f.ref, tt.desc, tt.limit)
			if !errors.Is(err, tt.want) || (tt.want == nil && string(b) != "a ztoc") {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
}
