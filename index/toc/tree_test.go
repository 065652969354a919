// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"archive/tar"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

func mustTree(t testing.TB, entries ...toc.Entry) *toc.Tree {
	t.Helper()
	tree, err := toc.NewTree(entries)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func data(name string, off, size int64) toc.Entry {
	return toc.Entry{Name: name, Type: toc.Regular, Offset: span.UncompressedOffset(off), Size: size, Mode: 0o644}
}

func TestPathsAndParents(t *testing.T) {
	tree := mustTree(t,
		data("b/x/deep", 0, 0),
		data("a", 0, 0),
		toc.Entry{Name: "c", Type: toc.Hardlink, Linkname: "b/x/deep"},
		toc.Entry{Name: "b/y", Type: toc.Symlink, Linkname: "../a"},
	)
	var paths []string
	for id := toc.RootID; id <= toc.NodeID(tree.Len()); id++ {
		paths = append(paths, tree.Path(id))
		if id != toc.RootID {
			if found, ok := tree.Lookup(tree.Parent(id), tree.Name(id)); !ok || found != id {
				t.Errorf("node %d is not its parent's %q", id, tree.Name(id))
			}
		}
	}
	if d := cmp.Diff([]string{".", "a", "b", "c", "b/x", "b/y"}, paths); d != "" {
		t.Errorf("paths by id (-want +got):\n%s", d)
	}
	if tree.Names() != 6 {
		t.Errorf("%d names, want 6", tree.Names())
	}
	link, deep := resolve(t, tree, "c"), resolve(t, tree, "b/x/deep")
	if link != deep {
		t.Errorf("hard link is node %d, its target %d", link, deep)
	}
	if got := tree.Readlink(resolve(t, tree, "b/y")); got != "../a" {
		t.Errorf("symlink leads to %q", got)
	}
}

func TestNoSuchNode(t *testing.T) {
	tree := mustTree(t, data("f", 10, 5))
	f := resolve(t, tree, "f")
	for _, id := range []toc.NodeID{0, toc.NodeID(tree.Len()) + 1, math.MaxUint64} {
		if _, ok := tree.Attr(id); ok {
			t.Errorf("node %d has attributes", id)
		}
		off, size := tree.Data(id)
		name, child := tree.Child(id, 0)
		if off != 0 || size != 0 || name != "" || child != 0 || tree.Parent(id) != 0 || tree.Path(id) != "" ||
			tree.Readlink(id) != "" || tree.Xattrs(id) != nil || tree.Implied(id) || tree.Children(id) != 0 || tree.Name(id) != "" {
			t.Errorf("node %d exists", id)
		}
	}
	for _, i := range []int{-1, 1, math.MaxInt} {
		if name, child := tree.Child(toc.RootID, i); name != "" || child != 0 {
			t.Errorf("child %d of the root is %q", i, name)
		}
	}
	if _, ok := tree.Lookup(f, "x"); ok {
		t.Error("a file has children")
	}
	if _, ok := tree.Lookup(toc.RootID, ""); ok {
		t.Error("the empty name exists")
	}
	if off, size := tree.Data(toc.RootID); off != 0 || size != 0 {
		t.Error("the root has data")
	}
}

func TestFiles(t *testing.T) {
	tree := mustTree(t,
		data("second", 100, 50),
		data("first", 0, 100),
		data("empty", 100, 0),
		data("third", 200, 1),
		data("gone", 150, 10),
		data("gone", 300, 10),
		toc.Entry{Name: "link", Type: toc.Hardlink, Linkname: "first"},
	)
	cases := []struct {
		start, end span.UncompressedOffset
		want       string
	}{
		{0, math.MaxInt64, "first second third gone"},
		{0, 0, ""},
		{0, 1, "first"},
		{99, 100, "first"},
		{99, 101, "first second"},
		{100, 101, "second"},
		{149, 150, "second"},
		{150, 200, ""},
		{150, 201, "third"},
		{309, 400, "gone"},
		{310, 400, ""},
	}
	for _, c := range cases {
		var got []string
		for id := range tree.Files(c.start, c.end) {
			got = append(got, tree.Path(id))
		}
		if d := cmp.Diff(c.want, strings.Join(got, " ")); d != "" {
			t.Errorf("files in [%d, %d) (-want +got):\n%s", c.start, c.end, d)
		}
	}
	for id := range tree.Files(0, math.MaxInt64) {
		if tree.Path(id) != "first" {
			t.Errorf("first file is %q", tree.Path(id))
		}
		break
	}
}

func TestHostileEntries(t *testing.T) {
	bomb := make([]toc.Entry, 50)
	for i := range bomb {
		bomb[i] = data(string(rune('A'+i))+strings.Repeat("/d", 2000), 0, 0)
	}
	cases := map[string]struct {
		entries []toc.Entry
		reason  string
	}{
		"name with NUL":   {[]toc.Entry{data("a\x00b", 0, 0)}, "NUL"},
		"target with NUL": {[]toc.Entry{{Name: "a", Type: toc.Symlink, Linkname: "b\x00"}}, "NUL"},
		"link with NUL":   {[]toc.Entry{{Name: "a", Type: toc.Hardlink, Linkname: "b\x00"}}, "NUL"},
		"long link":       {[]toc.Entry{{Name: "a", Type: toc.Hardlink, Linkname: strings.Repeat("./", 4000)}}, "8000 bytes"},
		"xattr with NUL":  {[]toc.Entry{{Name: "a", Type: toc.Directory, PAX: []toc.Record{{Key: "SCHILY.xattr.user.\x00"}}}}, "NUL"},
		"no type":         {[]toc.Entry{{Name: "a"}}, "unknown type 0"},
		"unknown type":    {[]toc.Entry{{Name: "a", Type: toc.FIFO + 1}}, "unknown type"},
		"negative size":   {[]toc.Entry{data("a", 0, -1)}, "size -1"},
		"negative offset": {[]toc.Entry{data("a", -1, 1)}, "offset -1"},
		"endless":         {[]toc.Entry{data("a", math.MaxInt64, 1)}, "offset 9223372036854775807"},
		"overlap":         {[]toc.Entry{data("a", 0, 10), data("b", 9, 10)}, "overlaps"},
		"same data":       {[]toc.Entry{data("a", 512, 10), data("b", 512, 10)}, "overlaps"},
		"device major":    {[]toc.Entry{{Name: "a", Type: toc.CharDevice, Devmajor: 1 << 32}}, "device number"},
		"device minor":    {[]toc.Entry{{Name: "a", Type: toc.BlockDevice, Devminor: -1}}, "device number"},
		"node bomb":       {bomb, "too many missing parents"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := toc.NewTree(c.entries)
			if !errors.Is(err, toc.ErrTree) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error %v, want %q", err, c.reason)
			}
		})
	}
}

func TestDeepPaths(t *testing.T) {
	deep := strings.Repeat("d/", 1900)
	entries := make([]toc.Entry, 1000)
	for i := range entries {
		entries[i] = data(deep+strings.Repeat("x", i%60+1)+"/"+strings.Repeat("f", i%100+1), 0, 0)
	}
	tree := mustTree(t, entries...)
	if path := deep + "x/f"; tree.Path(resolve(t, tree, path)) != path {
		t.Error("a deep file is not found")
	}
}

func TestTooManyEntries(t *testing.T) {
	_, err := toc.NewTree(make([]toc.Entry, toc.MaxEntries+1))
	var bad *toc.EntryError
	if !errors.As(err, &bad) || bad.Index != toc.MaxEntries {
		t.Errorf("error %v, want one about entry %d", err, toc.MaxEntries)
	}
}

func TestOutOfRangeTimes(t *testing.T) {
	for _, when := range []time.Time{{}, time.Unix(-1, 0), time.Unix(1<<40, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		tree := mustTree(t, toc.Entry{Name: "a", Type: toc.FIFO, ModTime: when})
		if a, _ := tree.Attr(2); a.MtimeSec != 0 || a.MtimeNsec != 0 {
			t.Errorf("time %v shows as %d.%d", when, a.MtimeSec, a.MtimeNsec)
		}
	}
}

func TestImplied(t *testing.T) {
	tree := mustTree(t,
		toc.Entry{Name: "./", Type: toc.Directory, Mode: 0o700, UID: 5, ModTime: day},
		toc.Entry{Name: "a/b/c", Type: toc.FIFO, ModTime: day.Add(1)},
		toc.Entry{Name: "a/b", Type: toc.Directory, Mode: 0o711, ModTime: day.Add(2)},
	)
	for path, want := range map[string]bool{".": true, "a": true, "a/b": false, "a/b/c": false} {
		if got := tree.Implied(resolve(t, tree, path)); got != want {
			t.Errorf("%s implied: %t, want %t", path, got, want)
		}
	}
	for path, want := range map[string]int64{".": 0, "a": 1, "a/b": 2} {
		a, _ := tree.Attr(resolve(t, tree, path))
		if got := time.Unix(a.MtimeSec, int64(a.MtimeNsec)); !got.Equal(day.Add(time.Duration(want))) {
			t.Errorf("time of %s is %v, want %v", path, got, day.Add(time.Duration(want)))
		}
	}
}

func TestXattrLookup(t *testing.T) {
	tarball := pack(t, with(with(file("a"), "user.x", "1"), "user.y", "2"), file("b"), with(file("c"), "user.x", "1"))
	tree, err := treeOf(t, tarball)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, name, want string
		ok               bool
	}{{"a", "user.x", "1", true}, {"a", "user.y", "2", true}, {"a", "user.z", "", false}, {"b", "user.x", "", false}, {"c", "user.x", "1", true}} {
		if got, ok := tree.Xattr(resolve(t, tree, c.path), c.name); got != c.want || ok != c.ok {
			t.Errorf("%s of %s is %q, %t", c.name, c.path, got, ok)
		}
	}
	if !tree.HasXattrs() {
		t.Error("tree has no xattrs")
	}
	if mustTree(t, data("a", 0, 1)).HasXattrs() {
		t.Error("tree without xattrs has some")
	}
}

func TestOnlyOpaque(t *testing.T) {
	for name, tc := range map[string]struct {
		headers []tar.Header
		dirs    string
		ok      bool
	}{
		"nothing":    {[]tar.Header{file("a")}, "", true},
		"opaque":     {[]tar.Header{folder("b/", 0o755), file("b/.wh..wh..opq"), file("a/c/.wh..wh..opq"), file(".wh.k")}, "a/c b", true},
		"other":      {[]tar.Header{file("b/.wh..wh..opq"), with(file("q"), "user.x", "1")}, "", false},
		"other too":  {[]tar.Header{with(folder("b/", 0o755), "user.x", "1"), file("b/.wh..wh..opq")}, "", false},
		"only other": {[]tar.Header{with(file("q"), "user.x", "1")}, "", false},
	} {
		tree, err := treeOf(t, pack(t, tc.headers...))
		if err != nil {
			t.Fatal(err)
		}
		dirs, ok := tree.OnlyOpaque()
		var paths []string
		for _, id := range dirs {
			paths = append(paths, tree.Path(id))
		}
		slices.Sort(paths)
		if got := strings.Join(paths, " "); got != tc.dirs || ok != tc.ok {
			t.Errorf("%s: %q, %t, want %q, %t", name, got, ok, tc.dirs, tc.ok)
		}
	}
}

func TestSameEntriesSameTree(t *testing.T) {
	headers := []tar.Header{folder("z/", 0o755), file("z/1"), file("a/b"), link("z/2", "a/b"), with(file("q"), "user.x", "1"), file(".wh.k")}
	one, err := treeOf(t, pack(t, headers...))
	if err != nil {
		t.Fatal(err)
	}
	two, err := treeOf(t, pack(t, headers...))
	if err != nil {
		t.Fatal(err)
	}
	if one.Len() != two.Len() || one.SizeBytes() != two.SizeBytes() {
		t.Fatal("trees differ in size")
	}
	for id := toc.RootID; id <= toc.NodeID(one.Len()); id++ {
		a, _ := one.Attr(id)
		b, _ := two.Attr(id)
		if a != b || one.Path(id) != two.Path(id) || !slices.Equal(one.Xattrs(id), two.Xattrs(id)) {
			t.Errorf("node %d differs: %q and %q", id, one.Path(id), two.Path(id))
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	tree := mustTree(t, data("a/b", 0, 10), data("a/c", 10, 10), data("d", 20, 5))
	dir := resolve(t, tree, "a")
	allocs := testing.AllocsPerRun(100, func() {
		for i := range tree.Children(dir) {
			name, child := tree.Child(dir, i)
			if found, ok := tree.Lookup(dir, name); !ok || found != child {
				t.Error("lookup fails")
			}
			if _, ok := tree.Attr(child); !ok {
				t.Error("attr fails")
			}
			_, _ = tree.Data(child)
			_, _ = tree.Xattr(child, "user.x")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
