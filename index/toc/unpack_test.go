// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// shownNode is everything about a node that two trees must agree on.
type shownNode struct {
	Attr    toc.Attr
	Target  string
	Content string
	Xattrs  []toc.Xattr
	Links   []string // all names, if there are several
}

// unpack does what containerd's overlayfs snapshotter and differ do.
func unpack(t testing.TB, tarball []byte) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := archive.Apply(t.Context(), dir, bytes.NewReader(tarball), archive.WithConvertWhiteout(archive.OverlayConvertWhiteout))
	return dir, err
}

// walkDisk describes the tree below dir, keyed by path.
func walkDisk(t testing.TB, dir string) map[string]shownNode {
	t.Helper()
	nodes := map[string]shownNode{}
	names := map[uint64][]string{}
	inodes := map[string]uint64{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		nodes[rel] = diskNode(t, path, &st)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			names[st.Ino] = append(names[st.Ino], rel)
			inodes[rel] = st.Ino
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for rel, n := range nodes {
		if all := names[inodes[rel]]; len(all) > 1 {
			n.Links = all
			nodes[rel] = n
		}
	}
	return nodes
}

func diskNode(t testing.TB, path string, st *unix.Stat_t) shownNode {
	t.Helper()
	n := shownNode{Attr: toc.Attr{
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Nlink: uint32(st.Nlink), Size: st.Size,
		MtimeSec: st.Mtim.Sec, MtimeNsec: uint32(st.Mtim.Nsec),
	}, Xattrs: diskXattrs(t, path)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.Attr.Size = 4096
	case unix.S_IFCHR, unix.S_IFBLK:
		n.Attr.Major, n.Attr.Minor = unix.Major(st.Rdev), unix.Minor(st.Rdev)
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		n.Target = target
	case unix.S_IFREG:
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n.Content = hash(b)
	}
	return n
}

func diskXattrs(t testing.TB, path string) []toc.Xattr {
	t.Helper()
	buf := make([]byte, 64<<10)
	size, err := unix.Llistxattr(path, buf)
	if err != nil {
		t.Fatalf("list xattrs of %q: %v", path, err)
	}
	var list []toc.Xattr
	for _, name := range strings.Split(strings.TrimSuffix(string(buf[:size]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatalf("xattr %q of %q: %v", name, path, err)
		}
		list = append(list, toc.Xattr{Name: name, Value: string(value[:n])})
	}
	slices.SortFunc(list, func(a, b toc.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// walkTree describes a tree the same way, reaching nodes by name only.
func walkTree(t testing.TB, tree *toc.Tree, tarball []byte) map[string]shownNode {
	t.Helper()
	nodes := map[string]shownNode{}
	names := map[toc.NodeID][]string{}
	ids := map[string]toc.NodeID{}
	var walk func(path string, id toc.NodeID)
	walk = func(path string, id toc.NodeID) {
		attr, ok := tree.Attr(id)
		if !ok {
			t.Fatalf("%q is node %d, which does not exist", path, id)
		}
		n := shownNode{Attr: attr, Target: tree.Readlink(id), Xattrs: tree.Xattrs(id)}
		if attr.IsRegular() {
			off, size := tree.Data(id)
			n.Content = hash(tarball[off : int64(off)+size])
		}
		nodes[path] = n
		if !attr.IsDir() {
			names[id] = append(names[id], path)
			ids[path] = id
			return
		}
		for i := range tree.Children(id) {
			name, child := tree.Child(id, i)
			if found, ok := tree.Lookup(id, name); !ok || found != child {
				t.Errorf("lookup of %q in %q is %d, want %d", name, path, found, child)
			}
			walk(filepath.Join(path, name), child)
		}
	}
	walk(".", toc.RootID)
	for path, n := range nodes {
		if all := names[ids[path]]; len(all) > 1 {
			slices.Sort(all)
			n.Links = all
			nodes[path] = n
		}
	}
	return nodes
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// resolve finds the node of a path.
func resolve(t testing.TB, tree *toc.Tree, path string) toc.NodeID {
	t.Helper()
	id := toc.RootID
	if path == "." {
		return id
	}
	for _, name := range strings.Split(path, "/") {
		next, ok := tree.Lookup(id, name)
		if !ok {
			t.Fatalf("no %q in the tree (at %q)", path, name)
		}
		id = next
	}
	return id
}

// compare holds the tree of a tar against its unpack. Only times that an
// unpack takes from the clock are left out.
func compare(t testing.TB, tree *toc.Tree, tarball []byte, dir string) {
	t.Helper()
	checkPacked(t, tree)
	want, got := walkDisk(t, dir), walkTree(t, tree, tarball)
	for path, n := range got {
		id := resolve(t, tree, path)
		whiteout := n.Attr.Mode == unix.S_IFCHR && n.Attr.Major == 0 && n.Attr.Minor == 0
		if !whiteout && !tree.Implied(id) {
			continue
		}
		n.Attr.MtimeSec, n.Attr.MtimeNsec = 0, 0
		got[path] = n
		if w, ok := want[path]; ok {
			w.Attr.MtimeSec, w.Attr.MtimeNsec = 0, 0
			want[path] = w
		}
	}
	for _, m := range []map[string]shownNode{want, got} {
		for _, n := range m {
			slices.Sort(n.Links)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tree differs from unpack (-unpack +tree):\n%s", d)
	}
}

// treeOf builds the tree of a tar.
func treeOf(t testing.TB, tarball []byte) (*toc.Tree, error) {
	t.Helper()
	entries, err := toctest.Entries(bytes.NewReader(tarball))
	if err != nil {
		t.Fatal(err)
	}
	return toc.NewTree(entries)
}
