// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"golang.org/x/sys/unix"
)

// Unpack applies a layer to a new directory, as containerd does for overlayfs.
func Unpack(tb testing.TB, tar []byte) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "fs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	if _, err := archive.Apply(tb.Context(), dir, bytes.NewReader(tar), archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Overlay mounts layers, the topmost first, below an upper directory until the test ends.
func Overlay(tb testing.TB, lower ...string) string {
	tb.Helper()
	merged, _ := OverlayUntil(tb, lower...)
	return merged
}

// OverlayUntil is Overlay with what unmounts it earlier.
func OverlayUntil(tb testing.TB, lower ...string) (merged string, unmount func()) {
	tb.Helper()
	dir := tb.TempDir()
	for _, d := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	merged = filepath.Join(dir, "merged")
	opts := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + filepath.Join(dir, "upper") + ",workdir=" + filepath.Join(dir, "work")
	if err := unix.Mount("overlay", merged, "overlay", 0, opts); err != nil {
		tb.Fatal(err)
	}
	unmount = sync.OnceFunc(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(unmount)
	return merged, unmount
}
