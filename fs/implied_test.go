// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestImplied(t *testing.T) {
	const some, none = 1001, 1002
	given(some, remotetest.Gzip(t, remotetest.Tar(t,
		remotetest.File{Name: "tmp/x"},
		remotetest.File{Name: "usr/"},
		remotetest.File{Name: "usr/share/doc/x"},
		remotetest.File{Name: "late/x"},
		remotetest.File{Name: "late/"},
	)), nil)
	given(none, remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "x"})), nil)
	img := push(t, remotetest.New(t), "app", "", some, none)
	h := start(t, t.TempDir(), nil)
	for i, want := range [][]string{{"tmp", "usr/share", "usr/share/doc"}, nil} {
		h.mount(t, img, i, "a")
		got, err := spryfs.Implied(t.Context(), h.FileSystem, img.desc.Layers[i].Digest)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("layer %d (-want +got):\n%s", i, diff)
		}
	}
	if _, err := spryfs.Implied(t.Context(), h.FileSystem, digest.FromString("unknown")); !errdefs.IsNotFound(err) {
		t.Errorf("unknown layer: %v", err)
	}
}
