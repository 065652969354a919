// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztocfile_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/spryd/spry/cmd/spry/internal/ztocfile"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// layer builds a gzip layer of files and its ztoc.
func layer(t testing.TB, files ...remotetest.File) ([]byte, *ztoc.Ztoc) {
	t.Helper()
	blob := remotetest.Gzip(t, remotetest.Tar(t, files...))
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	return blob, res.Ztoc
}

func TestExtractFollowsLinks(t *testing.T) {
	blob, z := layer(t,
		remotetest.File{Name: "./etc/"},
		remotetest.File{Name: "./etc/os-release", Link: "../usr/lib/os-release"},
		remotetest.File{Name: "./usr/lib/os-release", Body: "spry"},
		remotetest.File{Name: "./abs", Link: "/etc/os-release"},
		remotetest.File{Name: "./dir", Link: "usr/lib"},
		remotetest.File{Name: "./up", Link: "../../../../usr/lib/os-release"},
		remotetest.File{Name: "./hard", Type: '1', Link: "./usr/lib/os-release"},
		remotetest.File{Name: "./loop", Link: "loop2"},
		remotetest.File{Name: "./loop2", Link: "/loop"},
		remotetest.File{Name: "./dangling", Link: "/nowhere/at/all"},
		remotetest.File{Name: "./empty"},
		remotetest.File{Name: "./gone", Body: "first"},
		remotetest.File{Name: "./gone", Body: "last"},
	)
	for path, want := range map[string]string{
		"usr/lib/os-release": "spry", "/usr/lib/os-release": "spry", "./usr//lib/./os-release": "spry",
		"etc/os-release": "spry", "/abs": "spry", "dir/os-release": "spry", "up": "spry", "hard": "spry",
		"dir/../lib/os-release": "spry", "../../abs": "spry", "empty": "", "gone": "last",
	} {
		var out strings.Builder
		if err := ztocfile.Extract(t.Context(), z, path, reader(blob), &out); err != nil || out.String() != want {
			t.Errorf("%s: got %q, error %v, want %q", path, &out, err, want)
		}
	}
	for path, want := range map[string]error{
		"nothing": fs.ErrNotExist, "/dangling": fs.ErrNotExist, "usr/lib/os-release/x": fs.ErrNotExist,
		"loop": ztocfile.ErrLoop, "usr": nil, "/": nil, "": nil,
	} {
		err := ztocfile.Extract(t.Context(), z, path, reader(blob), io.Discard)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", path, err, want)
		}
	}
}

// TestExtractVerifies: changed bytes are never written.
func TestExtractVerifies(t *testing.T) {
	blob, z := layer(t, remotetest.File{Name: "f", Body: strings.Repeat("0123456789abcdef", 1000)})
	bad := bytes.Clone(blob)
	bad[len(blob)/2] ^= 1
	if err := ztocfile.Extract(t.Context(), z, "f", reader(bad), io.Discard); !errors.Is(err, span.ErrVerify) {
		t.Errorf("a byte is changed: %v", err)
	}
	if err := ztocfile.Extract(t.Context(), z, "f", reader(blob[:len(blob)/2]), io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("blob cut: %v", err)
	}
}

func FuzzLookup(f *testing.F) {
	_, z := layer(f,
		remotetest.File{Name: "a/b/c", Body: "x"}, remotetest.File{Name: "l", Link: "a/../l2"},
		remotetest.File{Name: "l2", Link: "/a/b"}, remotetest.File{Name: "loop", Link: "loop/x"},
	)
	blob := reader(nil)
	for _, s := range []string{"a/b/c", "/l/c", "loop", "../..", "a//b/."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		// It ends, whatever the path, and finds only the one file there is.
		err := ztocfile.Extract(t.Context(), z, path, blob, io.Discard)
		if err == nil {
			t.Errorf("%q: read without a blob", path)
		}
	})
}
