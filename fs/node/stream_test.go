// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// streamLayer has files of many lengths, and what is no file.
func streamLayer(t *testing.T) (*toc.Tree, []byte) {
	t.Helper()
	l := treetest.NewLayer()
	for i, n := range []int{1, 511, 512, 513, 0, 5000} {
		l.File(string(rune('a'+i)), treetest.Noise(uint64(i), n)).Dir("d/").Symlink("s", "a")
	}
	tar := l.Bytes()
	return toctest.Tree(t, tar), tar
}

// readStream reads at an offset, as the kernel does.
func readStream(raw fuse.RawFileSystem, off uint64, n int) ([]byte, fuse.Status) {
	buf := bytes.Repeat([]byte{0xEE}, n)
	in := &fuse.ReadIn{Offset: off, Size: uint32(n)}
	in.NodeId = fuse.FUSE_ROOT_ID
	result, st := raw.Read(nil, in, buf)
	if !st.Ok() {
		return nil, st
	}
	defer result.Done()
	return result.Bytes(buf)
}

// A stream is the layer as far as it is contents of files, and zeros elsewhere, wherever a
// read begins and ends.
func TestStream(t *testing.T) {
	tree, tar := streamLayer(t)
	raw := node.NewStream(tree, tarContent{tree, tar}, node.Options{})
	var attr fuse.AttrOut
	if st := raw.GetAttr(nil, &fuse.GetAttrIn{InHeader: fuse.InHeader{NodeId: fuse.FUSE_ROOT_ID}}, &attr); !st.Ok() || attr.Mode&unix.S_IFMT != unix.S_IFREG {
		t.Fatalf("attributes %+v, %v", attr.Attr, st)
	}
	end := int64(tree.DataEnd())
	if size := int64(attr.Size); size < end || size-end >= 512 || size%512 != 0 {
		t.Errorf("%d bytes for a layer whose files end at %d", size, end)
	}
	want := make([]byte, attr.Size)
	for id := range tree.Files(0, tree.DataEnd()) {
		off, size := tree.Data(id)
		copy(want[off:], tar[off:int64(off)+size])
	}
	for off := 0; off <= len(want)+600; off += 37 {
		for _, n := range []int{1, 512, 1300, 1 << 20} {
			got, st := readStream(raw, uint64(off), n)
			from := min(off, len(want))
			if expect := want[from:min(from+n, len(want))]; !st.Ok() || !bytes.Equal(got, expect) {
				t.Fatalf("%d bytes at %d: got %d, %v, want %d", n, off, len(got), st, len(expect))
			}
		}
	}
}

// failingFile fails for one file.
type failingFile struct {
	tarContent
	file toc.NodeID
}

var errFails = errors.New("fails")

func (f failingFile) ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error {
	if id == f.file {
		return errFails
	}
	return f.tarContent.ReadAt(ctx, id, p, off)
}

// An error of one file is that of a read which touches it, and is told with the file's name and
// offset; nothing is opened to be written, and nothing but the file is there.
func TestStreamRefuses(t *testing.T) {
	tree, tar := streamLayer(t)
	last := slices.Max(slices.Collect(tree.Files(0, tree.DataEnd())))
	off, _ := tree.Data(last)
	var told []int64
	raw := node.NewStream(tree, failingFile{tarContent{tree, tar}, last}, node.Options{OnError: func(id toc.NodeID, off int64, err error) {
		if id != last || !errors.Is(err, errFails) {
			t.Errorf("told of file %d: %v", id, err)
		}
		told = append(told, off)
	}})
	if _, st := readStream(raw, uint64(off)-512, 512); !st.Ok() {
		t.Errorf("read before it: %v", st)
	}
	if _, st := readStream(raw, uint64(off)+7, 100); st != fuse.EIO {
		t.Errorf("read: %v, want EIO", st)
	}
	if !slices.Equal(told, []int64{7}) {
		t.Errorf("told of offsets %v, want 7", told)
	}
	if st := raw.Open(nil, &fuse.OpenIn{Flags: unix.O_RDWR}, &fuse.OpenOut{}); st != fuse.EROFS {
		t.Errorf("open to write: %v", st)
	}
	in := &fuse.ReadIn{Size: 1}
	in.NodeId = 2
	if _, st := raw.Read(nil, in, make([]byte, 1)); st != fuse.ENOENT {
		t.Errorf("read of another node: %v", st)
	}
}

// TestStreamAllocates: a read allocates nothing.
func TestStreamAllocates(t *testing.T) {
	tree, tar := streamLayer(t)
	raw := node.NewStream(tree, tarContent{tree, tar}, node.Options{})
	buf := make([]byte, 8192)
	in := &fuse.ReadIn{Offset: 512, Size: uint32(len(buf))}
	in.NodeId = fuse.FUSE_ROOT_ID
	cancel := make(chan struct{})
	if n := testing.AllocsPerRun(100, func() {
		result, st := raw.Read(cancel, in, buf)
		if !st.Ok() {
			t.Fatal(st)
		}
		result.Done()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
