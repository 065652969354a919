// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// lookup walks to path.
func lookup(t testing.TB, f fuse.RawFileSystem, path string) uint64 {
	t.Helper()
	id := uint64(fuse.FUSE_ROOT_ID)
	for name := range strings.SplitSeq(path, "/") {
		var out fuse.EntryOut
		if st := f.Lookup(nil, &fuse.InHeader{NodeId: id}, name, &out); !st.Ok() || out.NodeId == 0 {
			t.Fatalf("lookup %q in %q: %v, node %d", name, path, st, out.NodeId)
		}
		id = out.NodeId
	}
	return id
}

func TestLookup(t *testing.T) {
	f := node.New(toctest.Tree(t, treetest.OddLayers()["sizes"]), nil, node.Options{})
	var out fuse.EntryOut
	if st := f.Lookup(nil, &fuse.InHeader{NodeId: 1}, "size-513", &out); !st.Ok() {
		t.Fatal(st)
	}
	if out.NodeId != out.Ino || out.Size != 513 || out.Blocks != 2 || out.Blksize != 4096 || out.EntryValid < 1<<30 || out.AttrValid < 1<<30 {
		t.Errorf("entry %+v", out)
	}
	out = fuse.EntryOut{}
	if st := f.Lookup(nil, &fuse.InHeader{NodeId: 1}, "absent", &out); !st.Ok() || out.NodeId != 0 || out.EntryValid < 1<<30 {
		t.Errorf("absent: %v, %+v", st, out)
	}
	if st := f.Lookup(nil, &fuse.InHeader{NodeId: 1}, strings.Repeat("n", 256), &out); st != fuse.Status(unix.ENAMETOOLONG) {
		t.Errorf("long name: %v", st)
	}
	if st := f.GetAttr(nil, &fuse.GetAttrIn{InHeader: fuse.InHeader{NodeId: 1 << 40}}, &fuse.AttrOut{}); st != fuse.ENOENT {
		t.Errorf("attributes of no node: %v", st)
	}
}

// readDir lists directory id through buffers of size bytes.
func readDir(t testing.TB, f fuse.RawFileSystem, id uint64, size int) []fuse.DirEntry {
	t.Helper()
	var all []fuse.DirEntry
	off := uint64(0)
	for {
		in := &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: id}, Offset: off, Size: uint32(size)}
		plus, plain := fuse.NewDirEntryList(make([]byte, size), off), fuse.NewDirEntryList(make([]byte, size), off)
		if st := f.ReadDirPlus(nil, in, plus); !st.Ok() {
			t.Fatal(st)
		}
		if st := f.ReadDir(nil, in, plain); !st.Ok() {
			t.Fatal(st)
		}
		entries, outs, err := fuse.ParseDirLookupEntries(plus.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		without, err := fuse.ParseDirEntries(plain.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return all
		}
		if d := cmp.Diff(entries, without[:len(entries)]); d != "" {
			t.Fatalf("READDIR and READDIRPLUS differ: %s", d)
		}
		for i, e := range entries {
			if dot := e.Name == "." || e.Name == ".."; dot != (outs[i].NodeId == 0) || !dot && outs[i].NodeId != e.Ino {
				t.Errorf("%q: inode %d, node %d", e.Name, e.Ino, outs[i].NodeId)
			}
		}
		all = append(all, entries...)
		off = entries[len(entries)-1].Off
	}
}

// TestReadDirOffsets: whatever the buffer, the listing is the same, and any
// offset is good at any time.
func TestReadDirOffsets(t *testing.T) {
	f := node.New(toctest.Tree(t, treetest.Many(500)), nil, node.Options{})
	dir := lookup(t, f, "many")
	want := readDir(t, f, dir, 1<<20)
	if len(want) != 502 || want[0].Name != "." || want[1].Name != ".." || want[2].Name != "file-00000" || want[501].Name != "file-00499" {
		t.Fatalf("%d entries: %v ...", len(want), want[:3])
	}
	for _, size := range []int{200, 4096, 32768} {
		if d := cmp.Diff(want, readDir(t, f, dir, size)); d != "" {
			t.Errorf("buffer of %d: %s", size, d)
		}
	}
	for _, off := range []uint64{502, 503, 1 << 62, ^uint64(0)} {
		list := fuse.NewDirEntryList(make([]byte, 4096), off)
		if st := f.ReadDirPlus(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: dir}, Offset: off}, list); !st.Ok() || len(list.Bytes()) != 0 {
			t.Errorf("offset %d: %v, %d bytes", off, st, len(list.Bytes()))
		}
	}
	file := lookup(t, f, "many/file-00001")
	if st := f.ReadDir(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: file}}, fuse.NewDirEntryList(make([]byte, 100), 0)); st != fuse.ENOTDIR {
		t.Errorf("listing of a file: %v", st)
	}
}

// failing is content that answers with an error.
type failing struct{ err error }

func (c failing) ReadAt(context.Context, toc.NodeID, []byte, int64) error { return c.err }

func TestErrno(t *testing.T) {
	tree := toctest.Tree(t, treetest.OddLayers()["sizes"])
	for _, c := range []struct {
		err    error
		want   fuse.Status
		logged bool
	}{
		{nil, fuse.OK, false},
		{context.Canceled, fuse.EINTR, false},
		{fmt.Errorf("fetch span 1: %w", context.Canceled), fuse.EINTR, false},
		{context.DeadlineExceeded, fuse.EIO, true},
		{errors.New("span 1: digest mismatch"), fuse.EIO, true},
		{unix.ENOSPC, fuse.EIO, true},
	} {
		t.Run(fmt.Sprint(c.err), func(t *testing.T) {
			var got []string
			f := node.New(tree, failing{c.err}, node.Options{OnError: func(id toc.NodeID, off int64, err error) {
				got = append(got, fmt.Sprint(id, off, err))
			}})
			id := lookup(t, f, "size-4097")
			_, st := f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: id}, Offset: 4096, Size: 4096}, make([]byte, 4096))
			if st != c.want {
				t.Errorf("status %v, want %v", st, c.want)
			}
			if want := fmt.Sprint(toc.NodeID(id), 4096, c.err); c.logged != (len(got) == 1) || c.logged && got[0] != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		})
	}
}

// TestReadRanges: content is asked for nothing beyond the end of a file.
func TestReadRanges(t *testing.T) {
	layer := treetest.NewLayer().File("f", treetest.Noise(1, 5000)).Dir("d/").Symlink("s", "f").Bytes()
	tree := toctest.Tree(t, layer)
	f := node.New(tree, tarContent{tree, layer}, node.Options{})
	want := treetest.Noise(1, 5000)
	id := lookup(t, f, "f")
	for _, c := range []struct{ off, size, n int }{{0, 4096, 4096}, {4096, 4096, 904}, {4999, 1, 1}, {5000, 10, 0}, {1 << 40, 10, 0}, {0, 0, 0}, {0, 10000, 5000}} {
		buf := make([]byte, c.size)
		res, st := f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: id}, Offset: uint64(c.off), Size: uint32(c.size)}, buf)
		if !st.Ok() || res.Size() != c.n {
			t.Fatalf("read %d at %d: %v, %v", c.size, c.off, st, res)
		}
		got, _ := res.Bytes(buf)
		if string(got) != want[min(c.off, 5000):min(c.off, 5000)+c.n] {
			t.Errorf("read %d at %d: wrong bytes", c.size, c.off)
		}
	}
	for path, want := range map[string]fuse.Status{"d": fuse.Status(unix.EISDIR), "s": fuse.EINVAL} {
		if _, st := f.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: lookup(t, f, path)}, Size: 1}, make([]byte, 1)); st != want {
			t.Errorf("read of %s: %v", path, st)
		}
	}
	if _, st := f.Readlink(nil, &fuse.InHeader{NodeId: id}); st != fuse.EINVAL {
		t.Errorf("target of a file: %v", st)
	}
}

func TestReadOnly(t *testing.T) {
	f := node.New(toctest.Tree(t, treetest.Base()), nil, node.Options{})
	h := fuse.InHeader{NodeId: 1}
	ints := func(_ uint32, st fuse.Status) fuse.Status { return st }
	for name, st := range map[string]fuse.Status{
		"setattr":     f.SetAttr(nil, &fuse.SetAttrIn{}, nil),
		"mknod":       f.Mknod(nil, &fuse.MknodIn{InHeader: h}, "x", nil),
		"mkdir":       f.Mkdir(nil, &fuse.MkdirIn{InHeader: h}, "x", nil),
		"unlink":      f.Unlink(nil, &h, "file"),
		"rmdir":       f.Rmdir(nil, &h, "gone"),
		"rename":      f.Rename(nil, &fuse.RenameIn{InHeader: h}, "file", "x"),
		"link":        f.Link(nil, &fuse.LinkIn{InHeader: h}, "x", nil),
		"symlink":     f.Symlink(nil, &h, "x", "y", nil),
		"setxattr":    f.SetXAttr(nil, &fuse.SetXAttrIn{InHeader: h}, "user.x", nil),
		"removexattr": f.RemoveXAttr(nil, &h, "user.x"),
		"create":      f.Create(nil, &fuse.CreateIn{InHeader: h}, "x", nil),
		"tmpfile":     f.Tmpfile(nil, &fuse.CreateIn{InHeader: h}, nil),
		"write":       ints(f.Write(nil, &fuse.WriteIn{InHeader: h}, nil)),
		"writev":      ints(f.Writev(nil, &fuse.WriteIn{InHeader: h}, nil)),
		"fallocate":   f.Fallocate(nil, &fuse.FallocateIn{InHeader: h}),
		"copy":        ints(f.CopyFileRange(nil, &fuse.CopyFileRangeIn{InHeader: h})),
		"open":        f.Open(nil, &fuse.OpenIn{InHeader: h, Flags: unix.O_RDWR}, &fuse.OpenOut{}),
	} {
		if st != fuse.EROFS {
			t.Errorf("%s: %v", name, st)
		}
	}
}

// TestXattrAbsent: nothing is asked twice of a tree without attributes; an
// opaque directory is one.
func TestXattrAbsent(t *testing.T) {
	for name, want := range map[string]fuse.Status{"base": fuse.ENOSYS, "whiteouts": fuse.Status(unix.ENODATA)} {
		f := node.New(toctest.Tree(t, treetest.OddLayers()[name]), nil, node.Options{})
		if _, st := f.GetXAttr(nil, &fuse.InHeader{NodeId: 1}, "trusted.overlay.opaque", nil); st != want {
			t.Errorf("%s: %v, want %v", name, st, want)
		}
	}
}

func TestStatFs(t *testing.T) {
	layer := treetest.NewLayer().File("a", treetest.Noise(1, 4097)).File("b", "x").Add(tar.Header{Name: "d/", Typeflag: tar.TypeDir}, "").Bytes()
	f := node.New(toctest.Tree(t, layer), nil, node.Options{})
	var out fuse.StatfsOut
	if st := f.StatFs(nil, nil, &out); !st.Ok() || out.Blocks != 3 || out.Bfree != 0 || out.Files != 4 || out.NameLen != 255 {
		t.Errorf("%v, %+v", st, out)
	}
}
