// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package detached_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/detached"
)

// A mount is in no mount table until it is attached, and then stays without its root.
func TestAttach(t *testing.T) {
	root, err := detached.Mount("tmpfs", "source=here", "size=1M")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if table(t, dir) {
		t.Error("mounted before it was attached")
	}
	if err := detached.Attach(root, dir); err != nil {
		t.Fatal(err)
	}
	_ = root.Close()
	if !table(t, dir) {
		t.Error("not mounted")
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err == nil {
		t.Error("writable")
	}
	if err := unix.Unmount(dir, 0); err != nil {
		t.Error(err)
	}
}

// An error names the option or the place, and has what the kernel says.
func TestErrors(t *testing.T) {
	for want, options := range map[string][]string{
		"option size=many":               {"size=many"},
		"Unknown parameter 'no-such'":    {"no-such"},
		"mount no-such-type: fsopen":     nil,
		"lower directories":              nil,
		"attach mount to /no/such/place": nil,
	} {
		kind := "tmpfs"
		switch want {
		case "mount no-such-type: fsopen":
			kind = "no-such-type"
		case "lower directories":
			kind, want = "overlay", "mount overlay: " // without lower directories
		}
		root, err := detached.Mount(kind, options...)
		if err == nil {
			err = detached.Attach(root, "/no/such/place")
			_ = root.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// table says whether something is mounted on dir.
func table(t *testing.T, dir string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+dir+" tmpfs ro,")
}
