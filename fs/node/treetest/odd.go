// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package treetest

import (
	"archive/tar"
	"fmt"
	"strings"
	"time"
)

// fileCaps is a security.capability value, revision 2: cap_net_raw+ep.
const fileCaps = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// OddLayers returns tar streams by name. Each unpacks without an error.
func OddLayers() map[string][]byte {
	return map[string][]byte{
		"empty":       NewLayer().Bytes(),
		"sizes":       sizes(),
		"modes":       modes(),
		"links":       links(),
		"devices":     devices(),
		"xattrs":      xattrLayer(),
		"names":       names(),
		"replaced":    replaced(),
		"times":       times(),
		"implied":     implied(),
		"whiteouts":   whiteouts(),
		"many":        Many(1000),
		"base":        Base(),
		"xattr sizes": xattrSizes(),
	}
}

// Base is a lower layer for whiteouts to hide parts of.
func Base() []byte {
	l := NewLayer().Dir("keep/").File("keep/a", "a").File("keep/b", "b").
		Dir("opaque/").File("opaque/hidden", "hidden").Dir("opaque/sub/").File("opaque/sub/x", "x").
		Dir("gone/").File("gone/x", "x").File("file", "lower").
		Dir("dirtofile/").File("dirtofile/x", "x").File("filetodir", "file")
	return l.Bytes()
}

func whiteouts() []byte {
	return NewLayer().Dir("keep/").File("keep/.wh.a", "").File("keep/c", "c").
		Dir("opaque/").File("opaque/.wh..wh..opq", "").File("opaque/new", "new").
		File(".wh.gone", "").File(".wh.absent", "").File("file", "upper").
		File("dirtofile", "now a file").Dir("filetodir/").File("filetodir/x", "x").
		File("deep/er/.wh.x", "").Bytes()
}

func sizes() []byte {
	l := NewLayer()
	for i, n := range []int{0, 1, 511, 512, 513, 4095, 4096, 4097, 131072, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 7} {
		l.File(fmt.Sprintf("size-%d", n), Noise(uint64(i), n))
	}
	return l.Bytes()
}

func modes() []byte {
	l := NewLayer()
	for _, m := range []int64{0o001, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1777, 0o7777, 0o6711} {
		l.Add(tar.Header{Name: fmt.Sprintf("f%o", m), Mode: m, Uid: 1000, Gid: 1001}, "x")
		l.Add(tar.Header{Name: fmt.Sprintf("d%o/", m), Mode: m, Uid: 65534, Gid: 100000, Typeflag: tar.TypeDir}, "")
		l.File(fmt.Sprintf("d%o/inside", m), "inside")
	}
	l.Add(tar.Header{Name: "bigids", Uid: 4000000000, Gid: 3000000000}, "x")
	return l.Bytes()
}

func links() []byte {
	l := NewLayer().File("a", "content of a").Link("b", "a").Dir("d/").Link("d/c", "a").Link("d/e", "d/c").
		Symlink("abs", "/a").Symlink("rel", "d/../a").Symlink("dangling", "no/such").Symlink("d/up", "../..").
		Symlink("long", strings.Repeat("x/", 1000)).Link("hardsym", "rel").Symlink("self", "self")
	return l.Bytes()
}

func devices() []byte {
	l := NewLayer().Dir("dev/")
	for _, d := range [][2]int64{{1, 3}, {5, 1}, {259, 1000}, {10, 229}} {
		name := fmt.Sprintf("dev/%d-%d", d[0], d[1])
		l.Add(tar.Header{Name: name + "c", Typeflag: tar.TypeChar, Devmajor: d[0], Devminor: d[1], Mode: 0o666}, "")
		l.Add(tar.Header{Name: name + "b", Typeflag: tar.TypeBlock, Devmajor: d[0], Devminor: d[1], Mode: 0o660}, "")
	}
	return l.Add(tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o600, Uid: 7}, "").Link("fifo2", "fifo").Bytes()
}

func xattrLayer() []byte {
	l := NewLayer().Xattrs("caps", map[string]string{"security.capability": fileCaps}).
		Xattrs("user", map[string]string{"user.a": "1", "user.b": "two", "user.empty": "", "user.nul": "a\x00b"}).
		Xattrs("trusted", map[string]string{"trusted.x": "y"}).File("none", "none")
	return l.Add(tar.Header{Name: "dir/", Typeflag: tar.TypeDir, PAXRecords: records(map[string]string{"user.dir": "d"})}, "").Bytes()
}

func xattrSizes() []byte {
	l := NewLayer()
	for _, n := range []int{0, 1, 255, 256, 2000} {
		l.Xattrs(fmt.Sprintf("v%d", n), map[string]string{"user.v": strings.Repeat("v", n)})
	}
	return l.Bytes()
}

func names() []byte {
	l := NewLayer().Dir("./").File("./dot-slash", "1").File("with space", "2").File("new\nline", "3").
		File("ünïcödé/文件", "4").File(strings.Repeat("n", 255), "5").File("-dash", "6").File("back\\slash", "7").
		File(".go-fuse-epoll-hack", "a name that go-fuse reserves").File("..hidden", "8").File("...", "9")
	deep := strings.Repeat("deep/", 100)
	return l.File(deep+"file", "down here").Bytes()
}

func replaced() []byte {
	return NewLayer().File("f", "old").File("f", "new content").
		Dir("d/").File("d/x", "x").File("d", "a file now").
		File("g", "file").Dir("g/").File("g/in", "in").
		File("h", "one").Link("h2", "h").File("h", "two").
		Dir("attrs/").File("attrs/kept", "kept").Add(tar.Header{Name: "attrs/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: 5}, "").
		Symlink("s", "f").File("s", "no link").Bytes()
}

func times() []byte {
	l := NewLayer()
	for i, at := range []time.Time{time.Unix(0, 1), time.Unix(1, 0), time.Unix(1<<31, 5), time.Unix(1<<32+1, 999999999), time.Unix(1700000000, 1)} {
		l.Add(tar.Header{Name: fmt.Sprintf("t%d", i), ModTime: at}, "t")
		l.Add(tar.Header{Name: fmt.Sprintf("d%d/", i), ModTime: at, Typeflag: tar.TypeDir}, "")
		l.File(fmt.Sprintf("d%d/after", i), "written after its directory")
	}
	return l.Bytes()
}

func implied() []byte {
	return NewLayer().File("a/b/c/file", "1").File("a/x", "2").Dir("a/b/").Symlink("p/q/r", "s").Bytes()
}

// Many is a layer with a directory of n small files.
func Many(n int) []byte {
	l := NewLayer().Dir("many/")
	for i := range n {
		l.File(fmt.Sprintf("many/file-%05d", i), fmt.Sprint(i))
	}
	return l.Bytes()
}
