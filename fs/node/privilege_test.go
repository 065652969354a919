// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
)

// nobody is some user without privileges.
const nobody = 65534

// capNetRaw is a security.capability value: cap_net_raw+ep.
const capNetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// status runs this test binary's copy at path as nobody and returns its
// /proc/self/status fields.
func status(t *testing.T, path string, fields ...string) string {
	t.Helper()
	cmd := mounted(path)
	cmd.Env = append(os.Environ(), "SPRY_TEST_STATUS="+strings.Join(fields, ","))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("run %s: %v: %s", path, err, out)
	}
	return strings.TrimSpace(string(out))
}

// openPath lets others pass through the directories of this test.
func openPath(t *testing.T, dir string) {
	t.Helper()
	for ; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil && !os.IsPermission(err) && !strings.Contains(err.Error(), "read-only") {
			t.Fatal(err)
		}
	}
}

// TestPrivileges: setuid files, file capabilities and device nodes work where
// containers see them: in an overlay, and in a bind mount of a layer, which
// is what a view of a one-layer image is.
func TestPrivileges(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	layer := treetest.NewLayer().
		Add(tar.Header{Name: "plain", Mode: 0o755}, string(self)).
		Add(tar.Header{Name: "setuid", Mode: 0o4755}, string(self)).
		Add(tar.Header{Name: "caps", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capNetRaw}}, string(self)).
		Add(tar.Header{Name: "null", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, "").Bytes()
	mounted := mountTar(t, newLoop(t), layer, node.Options{})
	bind := t.TempDir()
	if err := unix.Mount(mounted, bind, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(bind, 0) })
	for name, dir := range map[string]string{"layer": mounted, "bind": bind, "overlay": treetest.Overlay(t, mounted), "unpacked": treetest.Unpack(t, layer)} {
		t.Run(name, func(t *testing.T) {
			openPath(t, filepath.Dir(dir))
			openPath(t, filepath.Dir(filepath.Dir(dir)))
			for _, c := range []struct{ file, field, want string }{
				{"plain", "Uid", "65534\t65534\t65534\t65534"},
				{"setuid", "Uid", "65534\t0\t0\t0"},
				{"plain", "CapEff", "0000000000000000"},
				{"caps", "CapEff", "0000000000002000"},
			} {
				if got := status(t, filepath.Join(dir, c.file), c.field); got != c.want {
					t.Errorf("%s of %s: %q, want %q", c.field, c.file, got, c.want)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "null"), []byte("x"), 0); err != nil {
				t.Errorf("write to a device node: %v", err)
			}
		})
	}
}
