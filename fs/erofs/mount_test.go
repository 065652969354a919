// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/erofs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// mounted mounts something until the test ends.
func mounted(t testing.TB, source, kind string, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount(source, dir, kind, flags, options); err != nil {
		t.Fatalf("mount %s of %s: %v", kind, source, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// image mounts a layer.
func image(t testing.TB, tree *toc.Tree, tar []byte) string {
	t.Helper()
	dir := t.TempDir()
	im, err := erofs.New(tree)
	if err != nil {
		t.Fatal(err)
	}
	var image bytes.Buffer
	if err := im.Write(&image); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "names")
	if err := os.WriteFile(file, image.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, tar, 0o600); err != nil {
		t.Fatal(err)
	}
	return mounted(t, file, "erofs", unix.MS_RDONLY, "device="+data)
}

// An overlay of images shows what one of unpacked layers shows.
func TestOverlayEqualsUnpack(t *testing.T) {
	base := treetest.Base()
	unpackedBase := treetest.Unpack(t, base)
	mountedBase := image(t, toctest.Tree(t, base), base)
	for name, tar := range treetest.OddLayers() {
		t.Run(name, func(t *testing.T) {
			tree := toctest.Tree(t, tar)
			want := treetest.Overlay(t, treetest.Unpack(t, tar), unpackedBase)
			got := treetest.Overlay(t, image(t, tree, tar), mountedBase)
			for _, d := range treetest.Compare(want, got, treetest.Unpacked(tree)) {
				t.Error(d)
			}
		})
	}
}
