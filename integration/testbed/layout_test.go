// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed_test

import (
	"archive/tar"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/integration/testbed"
)

// An image that is written as a layout reads as the same image.
func TestReadLayout(t *testing.T) {
	l, err := testbed.NewLayer(t.TempDir(), func(tw *tar.Writer) error {
		return testbed.Write(tw, testbed.File{Header: tar.Header{Name: "a"}, Content: []byte("hello")})
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	img := testbed.Image{Layers: []testbed.Layer{l}, Cmd: []string{"/a", "b"}}
	want, err := img.WriteLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := testbed.ReadLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(img.Cmd, got.Cmd); diff != "" {
		t.Error(diff)
	}
	if got.CompressedSize() != l.Descriptor.Size {
		t.Errorf("the layers have %d bytes", got.CompressedSize())
	}
	if b, err := os.ReadFile(got.Layers[0].Path); err != nil || int64(len(b)) != l.Descriptor.Size {
		t.Errorf("the layer has %d bytes, %v", len(b), err)
	}
	again, err := got.WriteLayout(t.TempDir())
	if err != nil || again.Digest != want.Digest {
		t.Errorf("written again it is %s, %v, want %s", again.Digest, err, want.Digest)
	}
}

func TestReadLayoutErrors(t *testing.T) {
	two := ocispec.Index{Manifests: []ocispec.Descriptor{
		{MediaType: ocispec.MediaTypeImageManifest, Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"}},
		{MediaType: ocispec.MediaTypeImageManifest, Platform: &ocispec.Platform{OS: "linux", Architecture: "riscv64"}},
	}}
	missing := ocispec.Index{Manifests: []ocispec.Descriptor{{
		MediaType: ocispec.MediaTypeImageManifest,
		Digest:    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}}}
	for name, ix := range map[string]any{"other platforms": two, "no manifest": missing, "empty": ocispec.Index{}, "no index": 7} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b, err := json.Marshal(ix)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "index.json"), b, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := testbed.ReadLayout(dir); err == nil {
				t.Error("it is an image")
			}
		})
	}
	if _, err := testbed.ReadLayout(t.TempDir()); err == nil {
		t.Error("an empty folder is an image")
	}
}
