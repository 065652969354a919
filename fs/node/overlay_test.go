// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc/toctest"
)

func TestOverlayEqualsUnpack(t *testing.T) {
	loop := newLoop(t)
	base := treetest.Base()
	unpackedBase := treetest.Unpack(t, base)
	mountedBase := mountTar(t, loop, base, node.Options{})
	for name, tar := range treetest.OddLayers() {
		if name == "many" {
			continue // nothing that the layer itself does not show
		}
		t.Run(name, func(t *testing.T) {
			tree := toctest.Tree(t, tar)
			mounted := mountTree(t, loop, tree, tarContent{tree, tar}, node.Options{})
			want := treetest.Overlay(t, treetest.Unpack(t, tar), unpackedBase)
			got := treetest.Overlay(t, mounted, mountedBase)
			for _, d := range treetest.Compare(want, got, treetest.Unpacked(tree)) {
				t.Error(d)
			}
		})
	}
}

// TestOverlayHides says what the comparison above proves for whiteouts.
func TestOverlayHides(t *testing.T) {
	loop := newLoop(t)
	layers := treetest.OddLayers()
	merged := treetest.Overlay(t, mountTar(t, loop, layers["whiteouts"], node.Options{}), mountTar(t, loop, layers["base"], node.Options{}))
	for dir, want := range map[string][]string{
		"keep":   {"b", "c"},
		"opaque": {"new"},
		".":      {"deep", "dirtofile", "file", "filetodir", "keep", "opaque"},
	} {
		entries, err := os.ReadDir(filepath.Join(merged, dir))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", dir, d)
		}
	}
}

// TestCopyUp changes every kind of file in an overlay and looks at the layer
// and the result.
func TestCopyUp(t *testing.T) {
	loop := newLoop(t)
	tar := treetest.OddLayers()["sizes"]
	mounted := mountTar(t, loop, tar, node.Options{})
	merged := treetest.Overlay(t, mounted)
	path := filepath.Join(merged, "size-1048577")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []error{
		os.Chmod(filepath.Join(merged, "size-1"), 0o600),
		os.Chown(filepath.Join(merged, "size-4096"), 5, 6),
		os.Remove(filepath.Join(merged, "size-511")),
		os.Rename(filepath.Join(merged, "size-512"), filepath.Join(merged, "renamed")),
	} {
		if change != nil {
			t.Error(change)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before)+"more" {
		t.Errorf("after append: %d bytes, %v", len(after), err)
	}
	if diffs := treetest.Compare(treetest.Unpack(t, tar), mounted, treetest.Options{IgnoreMtime: func(rel string) bool { return rel == "." }}); diffs != nil {
		t.Errorf("the layer changed: %v", diffs)
	}
}

// TestNestedOverlay: an overlay whose lower layer is the root of a container,
// as a container engine inside of it would mount.
func TestNestedOverlay(t *testing.T) {
	layer := treetest.NewLayer().File("f", "content").Bytes()
	inner := treetest.Overlay(t, treetest.Overlay(t, mountTar(t, newLoop(t), layer, node.Options{})))
	if b, err := os.ReadFile(filepath.Join(inner, "f")); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
}
