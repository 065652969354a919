// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"archive/tar"
	"strings"
	"time"

	"github.com/spryd/spry/integration/testbed"
)

// odd is a layer made of every entry that a tar can hold and an unpack can show.
func odd() ([]testbed.File, error) {
	dev := func(name string, typ byte, major, minor int64) testbed.File {
		return testbed.File{Header: tar.Header{Name: name, Typeflag: typ, Devmajor: major, Devminor: minor, Mode: 0o660, ModTime: epoch, Format: tar.FormatPAX}}
	}
	attrs := file("odd/xattrs", contents(1, 100))
	attrs.PAXRecords = map[string]string{
		"SCHILY.xattr.user.one":            "1",
		"SCHILY.xattr.user.binary":         "\x01\x00\xff\n=",
		"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	}
	dirAttrs := dir("odd/dir-xattrs")
	dirAttrs.PAXRecords = map[string]string{"SCHILY.xattr.user.dir": "d"}
	sticky := dir("odd/sticky")
	sticky.Mode = 0o1777
	setgid := dir("odd/setgid")
	setgid.Mode = 0o2755
	old := file("odd/before-1970", []byte("old"))
	old.ModTime = time.Unix(-5, 500000000)
	big := file("odd/big-ids", []byte("ids"))
	big.Uid, big.Gid = 1<<31+5, 1<<31+6
	gnu := file("odd/"+strings.Repeat("gnu-long/", 30)+"name", []byte("long"))
	gnu.Format = tar.FormatGNU
	gnu.ModTime = time.Unix(1600000000, 0)
	files := []testbed.File{
		dir("odd"), attrs, dirAttrs, sticky, setgid, old, big, gnu,
		dev("odd/char", tar.TypeChar, 1, 3), dev("odd/block", tar.TypeBlock, 7, 200), dev("odd/fifo", tar.TypeFifo, 0, 0),
		dev("odd/big-device", tar.TypeChar, 400, 70000),
		file("odd/empty", nil), file("odd/one", []byte{0}), file("odd/block-size", contents(2, 512)), file("odd/over", contents(3, 4097)),
		file("odd/new\nline", []byte("n")), file("odd/back\\slash", []byte("b")), file("odd/ünïcode-☃", []byte("u")),
		file("odd/latin1-\xe9", []byte("l")), file("odd/ space ", []byte("s")), file("odd/-dash", []byte("d")),
		file("odd/"+strings.Repeat("n", 255), []byte("255")),
		link(tar.TypeSymlink, "odd/dangling", "/nowhere/"+strings.Repeat("x", 300)), link(tar.TypeSymlink, "odd/dots", "../../../etc"),
		link(tar.TypeLink, "odd/hard1", "odd/over"), link(tar.TypeLink, "odd/hard2", "odd/hard1"), link(tar.TypeLink, "odd/hard-fifo", "odd/fifo"),
		link(tar.TypeLink, "odd/hard-symlink", "odd/dangling"),
		file("./odd/dotted", []byte("dotted")), file("odd/twice", []byte("first")), file("odd/twice", []byte("second, longer")),
		dir("odd/replaced"), file("odd/replaced/child", []byte("c")), file("odd/becomes-dir", []byte("f")),
		file("odd/.wh.removed", nil), dir("odd/opaque"), file("odd/opaque/.wh..wh..opq", nil), file("odd/opaque/child", []byte("o")),
	}
	ro := file("odd/mode-000", []byte("m"))
	ro.Mode = 0o1 // 0 would mean the default
	return append(files, ro), nil
}
