// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/index/toc"
)

const capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// pack writes a tar. Regular files hold their own name and number unless
// Size is 0 on purpose (Linkname "empty").
func pack(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for i := range headers {
		h := headers[i]
		var content string
		if h.Typeflag == tar.TypeReg && h.Linkname == "" {
			content = fmt.Sprintf("%d %s", i, h.Name)
		}
		if h.Typeflag == tar.TypeReg {
			h.Linkname = ""
		}
		h.Size, h.Format = int64(len(content)), tar.FormatPAX
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatalf("header %d %q: %v", i, h.Name, err)
		}
		if _, err := tw.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var day = time.Unix(1_700_000_000, 123_456_789)

func file(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: 7, Gid: 8, ModTime: day}
}

func folder(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: 1, Gid: 2, ModTime: day.Add(time.Hour)}
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o4755, Uid: 9, Gid: 9, ModTime: day.Add(2 * time.Hour)}
}

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o640, Uid: 3, Gid: 4, ModTime: day}
}

func special(typ byte, name string, major, minor int64) tar.Header {
	return tar.Header{Typeflag: typ, Name: name, Mode: 0o4660, Devmajor: major, Devminor: minor, ModTime: day}
}

func owned(h tar.Header, uid, gid int) tar.Header {
	h.Uid, h.Gid = uid, gid
	return h
}

func at(h tar.Header, sec, nsec int64) tar.Header {
	h.ModTime = time.Unix(sec, nsec)
	return h
}

func with(h tar.Header, name, value string) tar.Header {
	records := map[string]string{"SCHILY.xattr." + name: value}
	for k, v := range h.PAXRecords {
		records[k] = v
	}
	h.PAXRecords = records
	return h
}

var long = strings.Repeat("n", toc.MaxName)

// layers are layers that unpack, by what they try.
var layers = map[string][]tar.Header{
	"empty":             {},
	"plain":             {folder("a/", 0o755), file("a/b"), file("c")},
	"empty file":        {{Typeflag: tar.TypeReg, Name: "e", Linkname: "empty", Mode: 0o600}},
	"root entry":        {folder("./", 0o700), file("./x")},
	"root by any name":  {folder("/", 0o700), folder("..", 0o711), folder("a/..", 0o711), file("x")},
	"missing parents":   {file("a/b/c/d"), file("a/x")},
	"parent later":      {file("a/b"), folder("a/", 0o1777)},
	"absolute":          {file("/etc/passwd"), folder("/etc/", 0o751)},
	"dot dot":           {file("../../x"), file("a/../y"), file("a/./z"), folder("a/b/../c/", 0o700)},
	"odd bytes":         {file("a\nb"), file("c\\d"), file("\xff\xfe"), file(" "), file("*?"), file("ü")},
	"sorted by bytes":   {file("b"), file("a.b"), file("a/x"), file("a-b"), file("B")},
	"long name":         {file(long), file(long + "/../q"), file("d/" + long)},
	"last file wins":    {file("a"), owned(file("a"), 5, 5), owned(file("./a"), 6, 6)},
	"dir over dir":      {folder("a/", 0o755), file("a/b"), owned(folder("a", 0o700), 4, 5)},
	"file over dir":     {file("a/b/c"), file("a/b/d"), file("a/b"), file("z")},
	"dir over file":     {file("a"), folder("a/", 0o700), file("a/b")},
	"dir over symlink":  {symlink("a", "b"), folder("b/", 0o755), folder("a/", 0o700), file("a/c")},
	"dir time stays":    {folder("a/", 0o755), at(file("a"), 99, 0)},
	"dir again":         {folder("a/", 0o755), file("a/x"), file("a"), at(folder("a/", 0o711), 99, 9)},
	"modes":             {folder("s", 0o1777), folder("g", 0o2755), file("g/x"), folder("u", 0o4755), folder("none", 0)},
	"suid file":         {{Typeflag: tar.TypeReg, Name: "su", Mode: 0o6755, Uid: 0}, {Typeflag: tar.TypeReg, Name: "t", Mode: 0o1000, Uid: 1}},
	"type bits in mode": {{Typeflag: tar.TypeReg, Name: "f", Mode: 0o100644}, {Typeflag: tar.TypeDir, Name: "d", Mode: 0o040750}},
	"setgid inherited":  {owned(folder("g/", 0o2755), 0, 50), file("g/i/j"), owned(file("g/k"), 1, -1)},
	"keep owner":        {owned(folder("d", 0o755), 5, 6), owned(folder("d", 0o700), -1, -1), owned(file("f"), -1, -1)},
	"large ids":         {owned(file("f"), 4_000_000_000, 3_999_999_999), owned(file("g"), 1<<32+5, 1<<33+6)},
	"times":             {at(file("neg"), -5, 5e8), at(file("epoch"), 0, 0), at(file("sub"), 1, 999_999_999), at(file("far"), 1<<33, 1), at(file("too"), 1<<34, 0)},
	"dir times":         {at(folder("d/", 0o755), 77, 7), file("d/a"), file("d/b")},
	"symlinks":          {symlink("abs", "/x/y"), symlink("up", "../../.."), symlink("dangling", "nope"), symlink("l", strings.Repeat("x/", 2000)+"y")},
	"symlink over file": {file("a"), symlink("a", "b"), file("b")},
	"devices":           {special(tar.TypeChar, "c", 5, 1), special(tar.TypeBlock, "b", 259, 70000), special(tar.TypeFifo, "p", 0, 0), special(tar.TypeChar, "m", 4096, 1<<20)},
	"char 0:0":          {special(tar.TypeChar, "w", 0, 0)},
	"hard links":        {file("a"), link("b", "a"), link("d/c", "./a"), file("x"), link("y", "/x")},
	"link attributes":   {file("a"), owned(link("b", "a"), 44, 55)},
	"link keeps owner":  {file("a"), owned(link("b", "a"), -1, -1)},
	"link to symlink":   {symlink("s", "nope"), link("t", "s"), link("u", "t")},
	"link to device":    {special(tar.TypeChar, "c", 1, 3), link("d", "c"), special(tar.TypeFifo, "p", 0, 0), link("q", "p")},
	"link odd names":    {file("d/f"), link("1", "d/f/"), link("2", "d//f"), link("3", "x/../d/f"), link("4", "../d/./f"), link("5", "d/f/."), link("6", "d/f/../f")},
	"link survives":     {file("d/f"), link("k", "d/f"), file("d")},
	"link over link":    {file("a"), link("b", "a"), file("c"), link("b", "c"), link("b", "a"), link("b", "a")},
	"link over dir":     {file("a"), file("d/x"), link("d", "a")},
	"link chain gone":   {file("a"), link("b", "a"), file("a"), link("c", "a")},
	"whiteout":          {file("d/.wh.gone"), file(".wh.top"), owned(file(".wh.own"), 12, 13)},
	"whiteout types":    {folder(".wh.dir/", 0o755), symlink(".wh.sym", "x"), link(".wh.link", "nowhere")},
	"whiteout replaced": {file(".wh.a"), folder("a/", 0o755), file("a/b"), file(".wh.f"), file("f")},
	"whiteout linked":   {file(".wh.a"), link("b", "a")},
	"whiteout setgid":   {owned(folder("g", 0o2755), 0, 50), owned(file("g/.wh.x"), 3, -1)},
	"aufs metadata":     {folder(".wh..wh.plnk/", 0o700), file(".wh..wh.aufs"), file("d/.wh..wh.orph")},
	"aufs children":     {folder(".wh..wh.plnk/", 0o700), file(".wh..wh.plnk/1.2")},
	"whiteout dots":     {file(".wh.a.b"), file(".wh. "), file(".wh....")},
	"opaque":            {folder("d/", 0o755), file("d/.wh..wh..opq"), file("d/x"), file("e/.wh..wh..opq"), file(".wh..wh..opq")},
	"opaque first":      {file("d/.wh..wh..opq"), folder("d/", 0o711), file("d/.wh..wh..opq")},
	"opaque lost":       {file("d/.wh..wh..opq"), file("d"), folder("d/", 0o711)},
	"xattrs":            {with(with(file("f"), "user.a", "1"), "user.b", "\x00\xff"), with(folder("d", 0o755), "user.c", "x"), with(file("e"), "user.empty", "")},
	"xattrs merge":      {with(folder("d", 0o755), "user.a", "1"), with(with(folder("d", 0o755), "user.b", "2"), "user.a", "3"), file("d/f")},
	"xattrs replaced":   {with(file("f"), "user.a", "1"), file("f")},
	"xattrs by link":    {with(file("f"), "user.a", "1"), with(link("g", "f"), "user.b", "2")},
	"capability":        {with(file("f"), "security.capability", capability), with(folder("d", 0o755), "security.capability", capability), folder("d", 0o755)},
	"capability killed": {with(file("f"), "security.capability", capability), link("g", "f")},
	"capability again":  {with(file("f"), "security.capability", capability), with(link("g", "f"), "security.capability", capability)},
	"capability no own": {with(file("f"), "security.capability", capability), owned(link("g", "f"), -1, -1)},
	"capability link":   {with(symlink("s", "x"), "security.capability", capability), link("t", "s")},
	"xattr namespaces": {with(with(with(file("f"), "trusted.overlay.opaque", "y"), "security.foo", "bar"), "com.apple.quarantine", "q"),
		with(with(with(file("g"), "system.foo", "x"), "noname", "y"), "system.", "z")},
	"xattrs of specials": {with(symlink("s", "t"), "user.a", "1"), with(special(tar.TypeFifo, "p", 0, 0), "user.a", "1"), with(special(tar.TypeChar, "c", 1, 3), "security.x", "1")},
	"other records":      {{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644, PAXRecords: map[string]string{"VENDOR.x": "y", "LIBARCHIVE.xattr.user.q": "eA"}}},
}

// TestTreeIsTheUnpack compares trees with what containerd unpacks.
func TestTreeIsTheUnpack(t *testing.T) {
	for name, headers := range layers {
		t.Run(name, func(t *testing.T) {
			tarball := pack(t, headers...)
			dir, err := unpack(t, tarball)
			if err != nil {
				t.Fatalf("unpack: %v", err)
			}
			tree, err := treeOf(t, tarball)
			if err != nil {
				t.Fatalf("tree: %v", err)
			}
			compare(t, tree, tarball, dir)
		})
	}
}

// TestUnpackRefuses lists layers that neither can be unpacked nor presented.
func TestUnpackRefuses(t *testing.T) {
	cases := map[string]struct {
		headers []tar.Header
		entry   int
		reason  string
	}{
		"long component":      {[]tar.Header{file(strings.Repeat("n", 256))}, 0, "component of 256 bytes"},
		"long parent":         {[]tar.Header{file("ok"), file(strings.Repeat("n", 256) + "/x")}, 1, "component of 256 bytes"},
		"long path":           {[]tar.Header{file(strings.Repeat("n/", 2048) + "x")}, 0, "path of 4097 bytes"},
		"parent is a file":    {[]tar.Header{file("a"), file("a/b/c")}, 1, `parent "a" is a regular file`},
		"parent is deleted":   {[]tar.Header{file(".wh.a"), file("a/b")}, 1, `parent "a" is a special file`},
		"link to nothing":     {[]tar.Header{link("a", "b")}, 0, `"b" is not earlier`},
		"link to later":       {[]tar.Header{link("a", "b"), file("b")}, 0, "not earlier"},
		"link to itself":      {[]tar.Header{file("a"), link("a", "a")}, 1, "not earlier"},
		"link to dir":         {[]tar.Header{folder("d/", 0o755), link("a", "d")}, 1, "is a directory"},
		"link to root":        {[]tar.Header{link("a", "/")}, 0, "is a directory"},
		"link outside":        {[]tar.Header{link("a", "../../../../../../../../etc/hostname")}, 0, "not earlier"},
		"link to replaced":    {[]tar.Header{file("d/x"), link("d", "d/x")}, 1, "not earlier"},
		"link through file":   {[]tar.Header{file("f"), file("g"), link("a", "f/x/../../g")}, 2, "leads through a file"},
		"link long name":      {[]tar.Header{file("g"), link("a", strings.Repeat("n", 256)+"/../g")}, 1, "component of 256"},
		"empty target":        {[]tar.Header{symlink("a", "")}, 0, "without target"},
		"long target":         {[]tar.Header{symlink("a", strings.Repeat("x", 4096))}, 0, "target of 4096 bytes"},
		"whiteout of nothing": {[]tar.Header{file("a/.wh.")}, 0, "whiteout of no name"},
		"whiteout of dot":     {[]tar.Header{file(".wh..")}, 0, "whiteout of no name"},
		"whiteout of dot dot": {[]tar.Header{file("d/.wh...")}, 0, "whiteout of no name"},
		"whiteout of own":     {[]tar.Header{file("a"), file(".wh.a")}, 1, "the layer itself has"},
		"whiteout twice":      {[]tar.Header{file(".wh.a"), file(".wh.a")}, 1, "the layer itself has"},
		"dir gone":            {[]tar.Header{folder("a/b/", 0o755), file("a")}, 0, "gone at the end"},
		"dir now a symlink":   {[]tar.Header{folder("a/", 0o755), symlink("a", "nowhere")}, 0, "become a symlink"},
		"capability revision": {[]tar.Header{with(file("f"), "security.capability", "\x00\x00\x00\x01bad")}, 0, "cannot be set"},
		"xattr without name":  {[]tar.Header{with(file("f"), "user.", "x")}, 0, `"user." cannot be set`},
		"security alone":      {[]tar.Header{with(file("f"), "security.", "x")}, 0, "cannot be set"},
		"xattr empty":         {[]tar.Header{with(file("f"), "", "x")}, 0, "name of 0 bytes"},
		"xattr long name":     {[]tar.Header{with(file("f"), "user."+strings.Repeat("x", 251), "x")}, 0, "name of 256 bytes"},
		"xattr long value":    {[]tar.Header{with(file("f"), "user.x", strings.Repeat("x", 65537))}, 0, "65537 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tarball := pack(t, c.headers...)
			if _, err := unpack(t, tarball); err == nil {
				t.Error("unpack works")
			}
			checkRefused(t, tarball, c.entry, c.reason)
		})
	}
}

// TestTreeDeclines lists layers that can be unpacked but not presented.
func TestTreeDeclines(t *testing.T) {
	cases := map[string]struct {
		headers []tar.Header
		entry   int
		reason  string
	}{
		"below a symlink":    {[]tar.Header{folder("a/", 0o755), symlink("b", "a"), file("b/c")}, 2, `parent "b" is a symlink`},
		"symlink to outside": {[]tar.Header{symlink("b", "/../.."), file("b/c/d")}, 1, `parent "b" is a symlink`},
		"symlink cycle":      {[]tar.Header{symlink("x", "."), file("x/x/x/y")}, 1, `parent "x" is a symlink`},
		"link by symlink":    {[]tar.Header{file("a/f"), symlink("b", "a"), link("c", "b/f")}, 2, "leads through a symlink"},
		"dir by symlink":     {[]tar.Header{folder("a/", 0o755), folder("b/", 0o755), symlink("a", "b")}, 0, "become a symlink"},
		"acl": {[]tar.Header{with(file("f"), "system.posix_acl_access",
			"\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x04\x00\x04\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff")}, 0, "cannot be set"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tarball := pack(t, c.headers...)
			if _, err := unpack(t, tarball); err != nil {
				t.Errorf("unpack: %v", err)
			}
			checkRefused(t, tarball, c.entry, c.reason)
		})
	}
}

func checkRefused(t *testing.T, tarball []byte, entry int, reason string) {
	t.Helper()
	tree, err := treeOf(t, tarball)
	if err == nil {
		t.Fatalf("tree of %d nodes, want an error", tree.Len())
	}
	var bad *toc.EntryError
	if !errors.As(err, &bad) || !errors.Is(err, toc.ErrTree) {
		t.Fatalf("error %v is no EntryError", err)
	}
	if bad.Index != entry || !strings.Contains(bad.Reason, reason) {
		t.Errorf("error %q about entry %d, want %q about entry %d", err, bad.Index, reason, entry)
	}
	if len(err.Error()) > 2000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}
