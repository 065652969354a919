// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node/treetest"
)

// sample makes a small tree with one of everything, all with the same time.
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	at := time.Unix(1e9, 5)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.MkdirAll(path("d"), 0o755),
		os.WriteFile(path("f"), []byte("content"), 0o644),
		os.WriteFile(path("d/g"), []byte("content"), 0o644),
		os.Link(path("f"), path("d/hard")),
		os.Symlink("f", path("s")),
		unix.Mknod(path("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		unix.Mkfifo(path("fifo"), 0o600),
		unix.Setxattr(path("f"), "user.x", []byte("1"), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	settle(t, dir, at)
	return dir
}

// settle gives everything the same time.
func settle(t *testing.T, dir string, at time.Time) {
	t.Helper()
	ts := []unix.Timespec{unix.NsecToTimespec(at.UnixNano()), unix.NsecToTimespec(at.UnixNano())}
	err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(path func(string) string) error
		want   []string // substrings, one for each difference
	}{
		{"nothing", func(func(string) string) error { return nil }, nil},
		{"content", func(p func(string) string) error { return os.WriteFile(p("d/g"), []byte("CONTENT"), 0) }, []string{`"d/g": content`}},
		{"size", func(p func(string) string) error { return os.Truncate(p("d/g"), 3) }, []string{`"d/g": size 7, 3`, `"d/g": content`}},
		{"mode", func(p func(string) string) error { return os.Chmod(p("d"), 0o700) }, []string{`"d": mode 040755, 040700`}},
		{"owner", func(p func(string) string) error { return os.Lchown(p("s"), 1, 2) }, []string{`"s": owner 0:0, 1:2`}},
		{"xattr value", func(p func(string) string) error { return unix.Setxattr(p("f"), "user.x", []byte("2"), 0) }, []string{`"d/hard": xattrs`, `"f": xattrs`}},
		{"xattr more", func(p func(string) string) error { return unix.Setxattr(p("d"), "user.y", nil, 0) }, []string{`"d": xattrs`}},
		{"target", func(p func(string) string) error {
			_ = os.Remove(p("s"))
			return os.Symlink("g", p("s"))
		}, []string{`"s": target f, g`}},
		{"device", func(p func(string) string) error {
			_ = os.Remove(p("null"))
			return unix.Mknod(p("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))
		}, []string{`"null": device`}},
		{"missing", func(p func(string) string) error { return os.Remove(p("fifo")) }, []string{`"fifo": only in`}},
		{"extra", func(p func(string) string) error { return os.WriteFile(p("new"), nil, 0o644) }, []string{`"new": only in`}},
		{"link broken", func(p func(string) string) error {
			_ = os.Remove(p("d/hard"))
			if err := os.WriteFile(p("d/hard"), []byte("content"), 0o644); err != nil {
				return err
			}
			return unix.Setxattr(p("d/hard"), "user.x", []byte("1"), 0)
		}, []string{`"d/hard": links`, `"f": links`, `"f": hard link of`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := sample(t), sample(t)
			if err := c.change(func(name string) string { return filepath.Join(b, name) }); err != nil {
				t.Fatal(err)
			}
			settle(t, b, time.Unix(1e9, 5))
			got := treetest.Compare(a, b, treetest.Options{})
			if len(got) != len(c.want) {
				t.Fatalf("differences: %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("difference %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestCompareOptions(t *testing.T) {
	a, b := sample(t), sample(t)
	settle(t, b, time.Unix(2e9, 0))
	for _, err := range []error{
		unix.Setxattr(filepath.Join(b, "f"), "user.x", []byte("2"), 0),
		os.Mkdir(filepath.Join(b, "d/sub"), 0o755),
		os.Remove(filepath.Join(b, "d/sub")),
		os.Link(filepath.Join(b, "d/g"), filepath.Join(t.TempDir(), "outside")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := treetest.Compare(a, b, treetest.Options{
		IgnoreMtime: func(string) bool { return true },
		IgnoreXattr: func(name string) bool { return name == "user.x" },
		IgnoreNlink: true,
	})
	if d := cmp.Diff([]string(nil), got); d != "" {
		t.Error(d)
	}
	if got := treetest.Compare(a, b, treetest.Options{}); len(got) < 8 {
		t.Errorf("without options: %q", got)
	}
}

func TestCompareUnreadable(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if got := treetest.Compare(missing, sample(t), treetest.Options{}); len(got) == 0 {
		t.Error("a missing root equals a tree")
	}
}
