// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package below_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc/toctest"
)

// forms are the two forms of one layer.
func forms(t *testing.T, files ...remotetest.File) map[string]below.Layer {
	t.Helper()
	b := remotetest.Tar(t, files...)
	dir := t.TempDir()
	_, err := archive.Apply(t.Context(), dir, bytes.NewReader(b), archive.WithConvertWhiteout(archive.OverlayConvertWhiteout))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]below.Layer{"directory": below.Dir(dir), "tree": below.Tree(toctest.Tree(t, b))}
}

// TestForms: the file table says of every path what the unpacked layer does.
func TestForms(t *testing.T) {
	outside := t.TempDir()
	if err := os.Mkdir(filepath.Join(outside, "secret"), 0o700); err != nil {
		t.Fatal(err)
	}
	layers := forms(t,
		remotetest.File{Name: "usr/", Mode: 0o711, UID: 3, GID: 4},
		remotetest.File{Name: "usr/lib/", Mode: 0o3755},
		remotetest.File{Name: "usr/lib/x", Body: "x"},
		remotetest.File{Name: "tmp/", Mode: 0o1777, Xattrs: map[string]string{"user.a": "b", "user.c": strings.Repeat("d", 300)}},
		remotetest.File{Name: "opaque/.wh..wh..opq"},
		remotetest.File{Name: ".wh.gone"},
		remotetest.File{Name: "lib", Link: "usr/lib"},
		remotetest.File{Name: "abs", Link: "/usr/lib"},
		remotetest.File{Name: "usr/up", Link: "../../../usr/./lib/../lib"},
		remotetest.File{Name: "through", Link: "lib/../up"},
		remotetest.File{Name: "loop", Link: "loop"},
		remotetest.File{Name: "a", Link: "b"},
		remotetest.File{Name: "b", Link: "a"},
		remotetest.File{Name: "dangling", Link: "nowhere/at/all"},
		remotetest.File{Name: "file-link", Link: "usr/lib/x"},
		remotetest.File{Name: "pipe", Type: tar.TypeFifo},
		remotetest.File{Name: "out", Link: outside + "/secret"},
		remotetest.File{Name: "out-too", Link: strings.Repeat("../", 20) + outside + "/secret"},
	)
	for path, want := range map[string]error{
		".": nil, "usr": nil, "usr/lib": nil, "usr/lib/": nil, "tmp": nil, "opaque": nil, "lib": nil, "abs": nil,
		"usr/up": nil, "through": nil, "./usr//../usr/lib": nil, "../../usr": nil, "abs/../lib": nil,
		"loop": unix.ELOOP, "a": unix.ELOOP, "b/x": unix.ELOOP,
		"gone": unix.ENOTDIR, "usr/lib/x": unix.ENOTDIR, "usr/lib/x/y": unix.ENOTDIR, "gone/x": unix.ENOTDIR,
		"file-link": unix.ENOTDIR, "pipe": unix.ENOTDIR,
		"nowhere": unix.ENOENT, "usr/nowhere/x": unix.ENOENT, "dangling": unix.ENOENT, "tmp/..usr": unix.ENOENT,
		"out": unix.ENOENT, "out-too": unix.ENOENT,
	} {
		found := map[string]below.Directory{}
		for form, layer := range layers {
			d, err := layer(path)
			if !errors.Is(err, want) {
				t.Errorf("%s: %s: error %v, want %v", form, path, err, want)
			}
			d.Atime = unix.Timespec{} // of an unpacked directory it is when somebody looked
			if path == "." || path == "opaque" {
				d.Mtime = unix.Timespec{} // no entry says it
				if path == "." {
					d.Mode = 0 // of the test's directory
				}
			}
			found[form] = d
		}
		if diff := cmp.Diff(found["directory"], found["tree"]); diff != "" {
			t.Errorf("%s (-directory +tree):\n%s", path, diff)
		}
	}
}

// TestStack: the uppermost layer counts that has a name.
func TestStack(t *testing.T) {
	upper := forms(t, remotetest.File{Name: "both/", Mode: 0o711}, remotetest.File{Name: ".wh.gone"},
		remotetest.File{Name: "loop", Link: "loop"})
	lower := forms(t, remotetest.File{Name: "both/"}, remotetest.File{Name: "gone/"}, remotetest.File{Name: "loop/"},
		remotetest.File{Name: "a/b/", Mode: 0o700}, remotetest.File{Name: "a-b/", Mode: 0o750})
	for form := range upper {
		s := below.New([]below.Layer{upper[form], lower[form]})
		for _, tc := range []struct {
			path string
			mode uint32 // 0: none
		}{{"a", 0o755}, {"a-b", 0o750}, {"a/b", 0o700}, {"both", 0o711}, {"gone", 0}, {"gone/x", 0}, {"nowhere", 0}, {"nowhere/x", 0}, {"a", 0o755}} {
			d, ok, err := s.Find(tc.path)
			if err != nil || ok != (tc.mode != 0) || d.Mode != tc.mode {
				t.Errorf("%s: %s: mode %o, %v, %v, want %o", form, tc.path, d.Mode, ok, err, tc.mode)
			}
		}
		if _, ok, err := s.Find("loop"); ok || !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: a lookup that fails: %v, %v", form, ok, err)
		}
	}
}

// TestNoDirectory: a layer that is gone is not one without directories.
func TestNoDirectory(t *testing.T) {
	s := below.New([]below.Layer{below.Dir(filepath.Join(t.TempDir(), "gone"))})
	if _, ok, err := s.Find("a"); ok || err == nil {
		t.Errorf("found: %v, error: %v", ok, err)
	}
}
