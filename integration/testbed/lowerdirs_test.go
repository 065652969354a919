// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/integration/testbed"
)

func TestMountedDirs(t *testing.T) {
	for name, c := range map[string]struct {
		mounts []mount.Mount
		want   []string
	}{
		"overlay": {[]mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{"index=off", "lowerdir=/c:/b:/a"}}}, []string{"/c", "/b", "/a"}},
		"one":     {[]mount.Mount{{Type: "bind", Source: "/a", Options: []string{"ro", "rbind"}}}, []string{"/a"}},
		"none":    {nil, nil},
	} {
		if diff := cmp.Diff(c.want, testbed.MountedDirs(c.mounts)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOnLazy(t *testing.T) {
	dir := t.TempDir()
	if fuse, err := testbed.OnLazy([]string{dir, os.TempDir()}); err != nil || fuse {
		t.Errorf("got %v, %v of ordinary directories", fuse, err)
	}
	if _, err := testbed.OnLazy([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("a missing directory is no error")
	}
}
