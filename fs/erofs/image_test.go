// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/erofs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// shapes are layers at the limits of the format: names, links and attributes about as long as
// the blocks that they have to fit in, and directories of many blocks.
func shapes() map[string][]byte {
	links, long, order := treetest.NewLayer(), treetest.NewLayer(), treetest.NewLayer()
	for n := 1; n < 4096; n += 1 + n/9 {
		links.Symlink(fmt.Sprintf("l%d", n), strings.Repeat("x", n))
	}
	links.Symlink("longest", strings.Repeat("y", 4095))
	for i := range 300 {
		long.File(fmt.Sprintf("d/%03d%s", i, strings.Repeat("n", (i*7)%253)), "content")
		long.File(fmt.Sprintf("e%d/%s", i, strings.Repeat("n", 1+i%255)), "")
	}
	for c := byte(1); c < 255; c++ { // "." and ".." have their place among these
		if c != '/' && c != '.' {
			order.File("d/"+string([]byte{c}), string([]byte{c}))
			order.File("d/."+string([]byte{c}), "")
		}
	}
	mixed := treetest.NewLayer()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		name := fmt.Sprintf("%d/%d/%s", rng.IntN(9), rng.IntN(9), strings.Repeat("m", 1+rng.IntN(60))+fmt.Sprint(i))
		switch rng.IntN(4) {
		case 0:
			mixed.Symlink(name, strings.Repeat("t", 1+rng.IntN(500)))
		case 1:
			mixed.Xattrs(name, map[string]string{"user." + strings.Repeat("k", 1+rng.IntN(100)): strings.Repeat("v", rng.IntN(300))})
		default:
			mixed.File(name, treetest.Noise(uint64(i), rng.IntN(3000)))
		}
	}
	return map[string][]byte{"links": links.Bytes(), "long names": long.Bytes(), "order": order.Bytes(), "mixed": mixed.Bytes()}
}

// Whatever a tree has, the kernel finds it in the image.
func TestImageEqualsUnpack(t *testing.T) {
	for name, tar := range shapes() {
		t.Run(name, func(t *testing.T) {
			tree := toctest.Tree(t, tar)
			for _, d := range treetest.Compare(treetest.Unpack(t, tar), image(t, tree, tar), treetest.Unpacked(tree)) {
				t.Error(d)
			}
		})
	}
}

// Size is how long an image becomes, and Write says what its writer does.
func TestSize(t *testing.T) {
	for name, tar := range shapes() {
		im, err := erofs.New(toctest.Tree(t, tar))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := im.Write(&b); err != nil || int64(b.Len()) != im.Size() {
			t.Errorf("%s: %d bytes written, %v, of %d", name, b.Len(), err, im.Size())
		}
		r, w := io.Pipe()
		_ = r.CloseWithError(io.ErrNoProgress)
		if err := im.Write(w); err == nil {
			t.Error("no error of the writer")
		}
	}
}

// What no image can hold is named.
func TestUnfit(t *testing.T) {
	for _, c := range []struct {
		offset span.UncompressedOffset
		size   int64
		want   string // in the error; "" is none
	}{
		{512, 100, ""},
		{700, 100, "d/file: data at 700"},
		{512, 3 << 40, "6442450949 blocks"},
	} {
		tree, err := toc.NewTree([]toc.Entry{{Name: "d/file", Type: toc.Regular, Offset: c.offset, Size: c.size, Mode: 0o644}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := erofs.New(tree); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bytes at %d: error %v, want %q", c.size, c.offset, err, c.want)
		}
	}
}

// BenchmarkWrite makes the image of 20,000 files.
func BenchmarkWrite(b *testing.B) {
	tree := toctest.Tree(b, treetest.Many(20_000))
	b.ReportAllocs()
	for b.Loop() {
		im, err := erofs.New(tree)
		if err != nil {
			b.Fatal(err)
		}
		if err := im.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
