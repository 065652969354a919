// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/cmd/spry/internal/place"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in, out string // out "" = in
		want    place.Name
	}{
		{"redis:7", "", place.Name{Kind: place.Containerd, Ref: "redis:7"}},
		{"docker.io/library/redis:7", "", place.Name{Kind: place.Containerd, Ref: "docker.io/library/redis:7"}},
		{"containerd:redis:7", "redis:7", place.Name{Kind: place.Containerd, Ref: "redis:7"}},
		{"containerd:oci:a", "", place.Name{Kind: place.Containerd, Ref: "oci:a"}},
		{"localhost:5000/a@sha256:" + strings.Repeat("0", 64), "", place.Name{Kind: place.Containerd, Ref: "localhost:5000/a@sha256:" + strings.Repeat("0", 64)}},
		{"oci:dir", "", place.Name{Kind: place.Layout, Path: "dir"}},
		{"oci:/a/b/:v1.2", "oci:/a/b:v1.2", place.Name{Kind: place.Layout, Path: "/a/b", Tag: "v1.2"}},
		{"oci:./x:latest", "oci:x:latest", place.Name{Kind: place.Layout, Path: "x", Tag: "latest"}},
		{"oci:x:registry.example/a:1", "", place.Name{Kind: place.Layout, Path: "x", Tag: "registry.example/a:1"}},
		{"oci-archive:a.tar", "", place.Name{Kind: place.Archive, Path: "a.tar"}},
		{"oci-archive:a.tar:t", "", place.Name{Kind: place.Archive, Path: "a.tar", Tag: "t"}},
		{"docker://redis", "docker://docker.io/library/redis:latest", place.Name{Kind: place.Registry, Ref: "docker.io/library/redis:latest"}},
		{"docker://127.0.0.1:5000/a/b:1", "", place.Name{Kind: place.Registry, Ref: "127.0.0.1:5000/a/b:1"}},
	} {
		got, err := place.Parse(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, d)
		}
		if test.out == "" {
			test.out = test.in
		}
		if got.String() != test.out {
			t.Errorf("%s: String is %q, want %q", test.in, got, test.out)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "want an image reference",
		"containerd:":           "want an image reference",
		"a b":                   "want an image reference",
		"oci:":                  "want a path",
		"oci::tag":              "want a path",
		"oci:dir:":              `"" is not a tag`,
		"oci:dir:-x":            `"-x" is not a tag`,
		"oci-archive:":          "want a path",
		"docker://":             "invalid reference format",
		"docker://a/UPPER":      "must be lowercase",
		"docker-archive:a.tar":  "docker-archive is not supported",
		"docker-daemon:a":       "docker-daemon is not supported",
		"https://example.com/a": "https:// is not supported",
	} {
		_, err := place.Parse(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", in, err, want)
		}
	}
}

func TestSamePlace(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a:1", "b:2", true},
		{"a:1", "oci:a:1", false},
		{"oci:" + dir, "oci:" + dir + "/:tag", true},
		{"oci:" + dir, "oci:" + link, true},
		{"oci:" + dir, "oci:" + dir + "2", false},
		{"oci:" + dir, "oci-archive:" + dir, false},
		{"docker://r.example/a:1", "docker://r.example/a:2", true},
		{"docker://r.example/a:1", "docker://r.example/b:1", false},
		{"docker://redis", "docker://docker.io/library/redis:7", true},
	} {
		a, err := place.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := place.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.SamePlace(b); got != test.want {
			t.Errorf("%s and %s: %v, want %v", a, b, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"redis", "containerd:a", "oci:a:b", "oci-archive:a", "docker://a/b:c@sha256:" + strings.Repeat("0", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := place.Parse(s)
		if err != nil {
			return
		}
		again, err := place.Parse(n.String())
		if err != nil {
			t.Fatalf("%q gives %q, which is refused: %v", s, n, err)
		}
		if n.String() != again.String() {
			t.Errorf("%q gives %q, and that gives %q", s, n, again)
		}
	})
}
