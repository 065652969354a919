// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/containerdtest"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

var containerd containerdtest.Containerd

func TestMain(m *testing.M) {
	code := m.Run()
	containerd.Close()
	os.Exit(code)
}

// kinds are all kinds of places, containerd if there is one. Each call of the
// function opens the same image anew.
func kinds(t *testing.T) map[string]func() place.Image {
	t.Helper()
	reg := remote.New(remote.Options{Retries: -1})
	t.Cleanup(func() { _ = reg.Close() })
	address, missing := containerd.Address()
	o := place.NewOpener(place.Options{Registry: reg, Address: address, Namespace: t.Name()})
	t.Cleanup(func() { _ = o.Close() })
	srv := remotetest.New(t)
	old := remotetest.New(t)
	old.DisableReferrers()
	dir := t.TempDir()
	names := map[string]string{
		"dir":               "oci:" + filepath.Join(dir, "layout") + ":v1",
		"archive":           "oci-archive:" + filepath.Join(dir, "a.tar") + ":v1",
		"registry":          "docker://" + srv.Ref("a/b", "v1"),
		"registry fallback": "docker://" + old.Ref("a/b", "v1"),
		"containerd":        "example.com/a/b:v1",
	}
	if missing != nil {
		t.Logf("without containerd: %v", missing)
		delete(names, "containerd")
	}
	out := map[string]func() place.Image{}
	for kind, name := range names {
		n, err := place.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = func() place.Image {
			img, err := o.Open(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			return img
		}
	}
	return out
}

// each runs a test for every kind of place.
func each(t *testing.T, test func(t *testing.T, open func() place.Image)) {
	t.Helper()
	for kind, open := range kinds(t) {
		t.Run(kind, func(t *testing.T) { test(t, open) })
	}
}

func blobOf(mediaType string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
}

func mustPut(t *testing.T, img place.Image, mediaType string, b []byte) ocispec.Descriptor {
	t.Helper()
	desc := blobOf(mediaType, b)
	if err := img.Put(t.Context(), desc, place.Bytes(b)); err != nil {
		t.Fatal(err)
	}
	return desc
}

func mustClose(t *testing.T, img place.Image) {
	t.Helper()
	if err := img.Close(); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// putImage stores a little image and gives the descriptor of its manifest.
func putImage(t *testing.T, img place.Image) ocispec.Descriptor {
	t.Helper()
	layer := mustPut(t, img, ocispec.MediaTypeImageLayer, []byte("layer"))
	config := mustPut(t, img, ocispec.MediaTypeImageConfig, []byte(`{"os":"linux","architecture":"arm64"}`))
	b := encode(t, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer},
	})
	desc := mustPut(t, img, ocispec.MediaTypeImageManifest, b)
	if err := img.Tag(t.Context(), desc, b); err != nil {
		t.Fatal(err)
	}
	return desc
}

// putIndex stores a v1 index with a ztoc of its own and attaches it.
func putIndex(t *testing.T, img place.Image, subject ocispec.Descriptor, ztoc string) ocispec.Descriptor {
	t.Helper()
	mustPut(t, img, index.ArtifactTypeV1, []byte(index.EmptyConfig))
	z := mustPut(t, img, index.MediaTypeZtoc, []byte(ztoc))
	ix := &index.Index{Version: 1, Subject: &subject, BuildTool: "test", Layers: []index.LayerIndex{{
		Descriptor: z, Layer: digest.FromString("layer"), LayerMediaType: ocispec.MediaTypeImageLayer, SpanSize: 4,
	}}}
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	desc := mustPut(t, img, ocispec.MediaTypeImageManifest, b)
	desc.ArtifactType = index.ArtifactTypeV1
	if err := img.Attach(t.Context(), place.Attachment{Subject: subject, Desc: desc, Manifest: b}); err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestPutAndRead(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		content := bytes.Repeat([]byte("0123456789"), 1000)
		desc := mustPut(t, img, "application/octet-stream", content)
		mustPut(t, img, "application/octet-stream", content) // again: nothing to do
		got, err := place.ReadAll(t.Context(), img, desc, 1<<20)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("read %d bytes, error %v", len(got), err)
		}
		rc, err := img.ReadRange(t.Context(), desc, 11, 5)
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(rc)
		if err = errors.Join(err, rc.Close()); err != nil || string(part) != "12345" {
			t.Errorf("range is %q, error %v", part, err)
		}
		if _, err := place.ReadAll(t.Context(), img, desc, 100); err == nil {
			t.Error("read beyond the limit")
		}
		mustClose(t, img)
	})
}

func TestMissing(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		if _, err := img.Resolve(t.Context()); !errdefs.IsNotFound(err) {
			t.Errorf("resolve of nothing: %v", err)
		}
		putImage(t, img)
		desc := blobOf("application/octet-stream", []byte("not there"))
		if _, err := place.ReadAll(t.Context(), img, desc, 100); !errdefs.IsNotFound(err) {
			t.Errorf("read of nothing: %v", err)
		}
		desc.Digest = "sha256:../../../../etc/passwd"
		if _, err := place.ReadAll(t.Context(), img, desc, 100); err == nil || errdefs.IsNotFound(err) {
			t.Errorf("read of a bad digest: %v", err)
		}
		if err := img.Put(t.Context(), desc, place.Bytes(nil)); err == nil {
			t.Error("put of a bad digest")
		}
		mustClose(t, img)
	})
}

func TestPutVerifies(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		content := []byte("what was promised")
		desc := blobOf("application/octet-stream", content)
		for name, wrong := range map[string]string{
			"other bytes": "what was delivered", "short": "what", "long": "what was promised, and more", "empty": "",
		} {
			if err := img.Put(t.Context(), desc, place.Bytes([]byte(wrong))); err == nil {
				t.Errorf("%s: stored", name)
			}
		}
		broken := errors.New("broken")
		if err := img.Put(t.Context(), desc, func() (io.ReadCloser, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Errorf("source that does not open: %v", err)
		}
		if _, err := place.ReadAll(t.Context(), img, desc, 100); !errdefs.IsNotFound(err) {
			t.Errorf("something is there: %v", err)
		}
		mustClose(t, img)
	})
}

func TestPutConcurrently(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		content := []byte(strings.Repeat("same ", 10000))
		desc := blobOf("application/octet-stream", content)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := img.Put(t.Context(), desc, place.Bytes(content)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := place.ReadAll(t.Context(), img, desc, 1<<20); err != nil || !bytes.Equal(got, content) {
			t.Errorf("read %d bytes, error %v", len(got), err)
		}
		mustClose(t, img)
	})
}

func TestTagAndResolve(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		want := putImage(t, img)
		mustClose(t, img)
		img = open()
		got, err := img.Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.Transformer("", func(d ocispec.Descriptor) string { return string(d.Digest) + d.MediaType })); d != "" {
			t.Errorf("resolved (-want +got):\n%s", d)
		}
		if _, err := place.ReadManifest(t.Context(), img, got); err != nil {
			t.Error(err)
		}
		mustClose(t, img)
	})
}

func TestIndexes(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		subject := putImage(t, img)
		want := []digest.Digest{putIndex(t, img, subject, "one").Digest, putIndex(t, img, subject, "two").Digest}
		slices.Sort(want)
		mustClose(t, img)
		img = open()
		found, err := img.(place.Indexed).Indexes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []digest.Digest
		for _, f := range found {
			got = append(got, f.Desc.Digest)
			if f.Manifest != subject.Digest || len(f.Index.Layers) != 1 || f.Platform == nil || f.Platform.Architecture != "arm64" || len(f.Images) != 1 {
				t.Errorf("found %+v", f)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("indexes (-want +got):\n%s", d)
		}
		if _, err := img.Resolve(t.Context()); err != nil {
			t.Errorf("the image is gone: %v", err)
		}
		mustClose(t, img)
	})
}

func TestRemoveIndex(t *testing.T) {
	each(t, func(t *testing.T, open func() place.Image) {
		img := open()
		subject := putImage(t, img)
		first := putIndex(t, img, subject, "one")
		second := putIndex(t, img, subject, "two")
		mustClose(t, img)
		img = open()
		err := img.(place.Indexed).RemoveIndex(t.Context(), first.Digest)
		if !img.Local() {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("remove: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, img)
		img = open()
		for content, want := range map[string]bool{"one": false, "two": true, "{}": true, "layer": true} {
			_, err := place.ReadAll(t.Context(), img, blobOf("", []byte(content)), 100)
			if (err == nil) != want {
				t.Errorf("content %q is there: %v, want %v", content, err == nil, want)
			}
		}
		if err := img.(place.Indexed).RemoveIndex(t.Context(), first.Digest); !errdefs.IsNotFound(err) {
			t.Errorf("remove again: %v", err)
		}
		if found, err := img.(place.Indexed).Indexes(t.Context()); err != nil || len(found) != 1 || found[0].Desc.Digest != second.Digest {
			t.Errorf("left: %v, %v", found, err)
		}
		mustClose(t, img)
	})
}
