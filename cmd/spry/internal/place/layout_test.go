// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/imagetest"
	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func open(t *testing.T, name string) place.Image {
	t.Helper()
	n, err := place.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := place.NewOpener(place.Options{}).Open(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = img.Close() })
	return img
}

func layer(t *testing.T, name string) imagetest.Layer {
	t.Helper()
	return imagetest.Gzip(t, remotetest.File{Name: name, Body: name})
}

func TestLayoutPicks(t *testing.T) {
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	if _, err := open(t, "oci:"+dir).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "layout has no image") {
		t.Errorf("empty layout: %v", err)
	}
	one := l.Image("one", imagetest.Linux("amd64", layer(t, "1")))
	resolves := func(name string, want ocispec.Descriptor) {
		t.Helper()
		got, err := open(t, name).Resolve(t.Context())
		if err != nil || got.Digest != want.Digest {
			t.Errorf("%s is %s, error %v, want %s", name, got.Digest, err, want.Digest)
		}
		if len(got.Annotations) != 0 {
			t.Errorf("%s keeps what index.json says: %v", name, got.Annotations)
		}
	}
	resolves("oci:"+dir, one) // the only one
	two := l.Image("two", imagetest.Linux("amd64", layer(t, "2")))
	resolves("oci:"+dir+":two", two)
	for name, want := range map[string]string{":three": "tag three: not found", "": "name one of the tags one, two"} {
		if _, err := open(t, "oci:"+dir+name).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", name, err, want)
		}
	}
	three := l.Image("", imagetest.Linux("amd64", layer(t, "3")))
	resolves("oci:"+dir, three) // the only one without a tag
}

// TestLayoutIsTheImage: index.json may itself be the list of platforms.
func TestLayoutIsTheImage(t *testing.T) {
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	l.Manifests(imagetest.Linux("amd64", layer(t, "1")), imagetest.Linux("arm64", layer(t, "2")), imagetest.Linux("s390x", layer(t, "3")))
	var before ocispec.Index
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err = errors.Join(err, json.Unmarshal(b, &before)); err != nil {
		t.Fatal(err)
	}
	l.Remove(before.Manifests[2].Digest)
	img := open(t, "oci:"+dir)
	root, err := img.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b, err = place.ReadManifest(t.Context(), img, root); err != nil {
		t.Fatal(err)
	}
	var got ocispec.Index
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before.Manifests[:2], got.Manifests); d != "" {
		t.Errorf("manifests (-want +got):\n%s", d)
	}
}

// TestLayoutTagKeepsOthers: writing one image leaves the rest of index.json.
func TestLayoutTagKeepsOthers(t *testing.T) {
	dir := t.TempDir()
	l := imagetest.New(t, dir)
	l.Image("a", imagetest.Linux("amd64", layer(t, "1")))
	old := l.Image("b", imagetest.Linux("amd64", layer(t, "2")))
	l.Image("c", imagetest.Linux("amd64", layer(t, "3")))
	desc := putImage(t, open(t, "oci:"+dir+":b"))
	if desc.Digest == old.Digest {
		t.Fatal("nothing changes")
	}
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var ix ocispec.Index
	if err := json.Unmarshal(b, &ix); err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, m := range ix.Manifests {
		tags = append(tags, m.Annotations[ocispec.AnnotationRefName])
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, tags); d != "" {
		t.Errorf("tags (-want +got):\n%s", d)
	}
	if ix.Manifests[1].Digest != desc.Digest {
		t.Errorf("b is %s, want %s", ix.Manifests[1].Digest, desc.Digest)
	}
}

func TestLayoutRefusesNonsense(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	n, _ := place.Parse("oci:" + file)
	if _, err := place.NewOpener(place.Options{}).Open(t.Context(), n); err == nil || !strings.Contains(err.Error(), "oci-archive:") {
		t.Errorf("a file as a directory: %v", err)
	}
	for name, content := range map[string]string{
		"no JSON":    "x",
		"bad digest": `{"manifests":[{"digest":"sha256:../../x"}]}`,
		"huge":       `{"annotations":{"x":"` + strings.Repeat("x", 5<<20) + `"}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, "oci:"+dir).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "index.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArchiveRefusesNonsense(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"no tar":   {strings.Repeat("x", 1024), "invalid tar header"},
		"gzip":     {"\x1f\x8b\x08\x00rest", "compressed"},
		"zstd":     {"\x28\xb5\x2f\xfdrest", "compressed"},
		"no image": {string(remotetest.Tar(t, remotetest.File{Name: "a", Body: "b"})), "no index.json"},
	} {
		file := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(file, []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		n, _ := place.Parse("oci-archive:" + file)
		if _, err := place.NewOpener(place.Options{}).Open(t.Context(), n); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, test.want)
		}
	}
}

// TestArchiveIsUntouchedUntilTagged: puts alone change nothing, and leave
// nothing behind.
func TestArchiveIsUntouchedUntilTagged(t *testing.T) {
	dir := t.TempDir()
	name := "oci-archive:" + filepath.Join(dir, "a.tar")
	img := open(t, name)
	mustPut(t, img, "application/octet-stream", []byte("x"))
	mustClose(t, img)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	img = open(t, name)
	putImage(t, img)
	mustClose(t, img)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestArchiveIsReproducible: the same image gives the same tar.
func TestArchiveIsReproducible(t *testing.T) {
	var last []byte
	for range 2 {
		file := filepath.Join(t.TempDir(), "a.tar")
		img := open(t, "oci-archive:"+file)
		putImage(t, img)
		mustClose(t, img)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && string(last) != string(b) {
			t.Error("two tars of the same image differ")
		}
		last = b
	}
	r := tar.NewReader(strings.NewReader(string(last)))
	var names []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if len(names) != 5 || names[0] != "oci-layout" || names[1] != "index.json" {
		t.Errorf("members are %v", names)
	}
}
