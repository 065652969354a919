// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// makeDir makes a directory with a mode and owner, whatever the umask.
func makeDir(mode os.FileMode, uid, gid int, path ...string) error {
	dir := filepath.Join(path...)
	return errors.Join(os.MkdirAll(dir, 0o755), os.Chown(dir, uid, gid), os.Chmod(dir, mode))
}

// Two layers are below the one that does not describe its directories.
func TestImpliedDirectories(t *testing.T) {
	outside := t.TempDir()
	if err := makeDir(0o700, 3, 3, outside, "secret"); err != nil {
		t.Fatal(err)
	}
	both := func(a, b error) error { return errors.Join(a, b) }
	const sticky = os.ModeSticky | 0o777
	tests := map[string]struct {
		implied []string
		set     func(upper, lower string) error
		reason  string // "": it is lazy
	}{
		"nowhere below": {[]string{"a", "a/b"}, func(_, _ string) error { return nil }, ""},
		"nothing to ask": {nil, func(upper, _ string) error {
			return makeDir(sticky, 0, 0, upper, "tmp")
		}, ""},
		"the same": {[]string{"etc"}, func(_, lower string) error {
			return makeDir(0o755, 0, 0, lower, "etc")
		}, ""},
		"mode": {[]string{"tmp"}, func(_, lower string) error {
			return makeDir(sticky, 0, 0, lower, "tmp")
		}, "/tmp, which is 1777 of 0:0 below"},
		"owner": {[]string{"home", "home/user"}, func(_, lower string) error {
			return makeDir(0o755, 7, 8, lower, "home", "user")
		}, "/home/user, which is 0755 of 7:8 below"},
		"xattr": {[]string{"etc"}, func(_, lower string) error {
			return both(makeDir(0o755, 0, 0, lower, "etc"), unix.Setxattr(filepath.Join(lower, "etc"), "user.a", []byte("b"), 0))
		}, `/etc, which is 0755 of 0:0 with "user.a" below`},
		"xattrs of overlayfs": {[]string{"etc"}, func(upper, _ string) error {
			dir := filepath.Join(upper, "etc")
			return errors.Join(makeDir(0o755, 0, 0, dir), unix.Setxattr(dir, "trusted.overlay.opaque", []byte("y"), 0),
				unix.Setxattr(dir, "user.overlay.opaque", []byte("y"), 0))
		}, ""},
		"uppermost counts": {[]string{"tmp"}, func(upper, lower string) error {
			return both(makeDir(0o755, 0, 0, upper, "tmp"), makeDir(sticky, 0, 0, lower, "tmp"))
		}, ""},
		"uppermost differs": {[]string{"tmp"}, func(upper, lower string) error {
			return both(makeDir(0o711, 0, 0, upper, "tmp"), makeDir(0o755, 0, 0, lower, "tmp"))
		}, "0711"},
		"removed in between": {[]string{"tmp", "tmp/x"}, func(upper, lower string) error {
			return both(unix.Mknod(filepath.Join(upper, "tmp"), unix.S_IFCHR, 0), makeDir(sticky, 0, 0, lower, "tmp", "x"))
		}, ""},
		"parent is nowhere in the uppermost": {[]string{"a", "a-b", "a/b"}, func(_, lower string) error {
			return both(makeDir(0o755, 0, 0, lower, "a"), makeDir(0o700, 0, 0, lower, "a", "b"))
		}, "/a/b"},
		"link inside": {[]string{"lib"}, func(_, lower string) error {
			return both(makeDir(0o700, 0, 0, lower, "usr", "lib"), os.Symlink("/usr/lib", filepath.Join(lower, "lib")))
		}, "/lib, which is 0700"},
		"links outside": {[]string{"abs", "rel", "abs/x"}, func(upper, lower string) error {
			up := strings.Repeat("../", 20) + strings.TrimPrefix(outside, "/")
			return both(os.Symlink(filepath.Join(outside, "secret"), filepath.Join(upper, "abs")),
				os.Symlink(filepath.Join(up, "secret"), filepath.Join(lower, "rel")))
		}, ""},
		"link to itself": {[]string{"loop"}, func(_, lower string) error {
			return os.Symlink("loop", filepath.Join(lower, "loop"))
		}, "/loop"},
		"root":                       {nil, func(upper, _ string) error { return os.Chown(upper, 5, 6) }, "root directory belongs to 5:6"},
		"root is not looked through": {nil, func(_, lower string) error { return os.Chown(lower, 5, 6) }, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, snapshot.Options{})
			b.lazy("lower", "upper")
			b.set("top", plan{implied: tc.implied})
			im := image{name: "r.example/a:1", layers: []string{"lower", "upper", "top"}}
			below := b.pull(image{name: im.name, layers: im.layers[:2]})
			b.must(tc.set(b.fsys.path(layerOf("upper")), b.fsys.path(layerOf("lower"))))
			if _, _, err := b.prepare(im, 2, below); !errdefs.IsAlreadyExists(err) {
				t.Fatalf("Prepare: %v, want ErrAlreadyExists", err)
			}
			info := b.find(im.chain(3), below)
			lazy := info.Labels[index.LabelLazyLayer] != ""
			if reason := info.Labels[index.LabelReason]; lazy != (tc.reason == "") || !strings.Contains(reason, tc.reason) {
				t.Errorf("lazy: %t, reason %q; want reason %q", lazy, reason, tc.reason)
			}
			if owners := b.fsys.ownersOf(layerOf("top")); (len(owners) == 1) != lazy {
				t.Errorf("lazy: %t, but owners are %v", lazy, owners)
			}
			if len(b.told) != 0 {
				t.Errorf("told %q, but the layer did not fall back to containerd", b.told)
			}
		})
	}
}

// A layer that cannot be lazy above one parent still is above another, and on
// its own.
func TestImpliedDirectoriesConcernOneChain(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	b.set("top", plan{implied: []string{"tmp"}})
	lazy := map[string]bool{}
	for name, layers := range map[string][]string{"one": {"one", "top"}, "two": {"two", "top"}, "alone": {"top"}} {
		im := image{name: "r.example/" + name + ":1", layers: layers}
		below := ""
		if len(layers) > 1 {
			below = b.pull(image{name: im.name, layers: layers[:1]})
		}
		if name == "one" {
			b.must(makeDir(os.ModeSticky|0o777, 0, 0, b.fsys.path(layerOf("one")), "tmp"))
		}
		if _, _, err := b.prepare(im, len(layers)-1, below); !errdefs.IsAlreadyExists(err) {
			t.Fatalf("Prepare: %v, want ErrAlreadyExists", err)
		}
		lazy[name] = b.find(im.chain(len(layers)), below).Labels[index.LabelLazyLayer] != ""
	}
	if lazy["one"] || !lazy["two"] || !lazy["alone"] {
		t.Errorf("lazy above: %v, want all but one", lazy)
	}
}
