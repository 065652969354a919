// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spryd/spry/integration/testbed"
)

// check is what every small image runs: it verifies all its files and says READY.
var check = []string{"/bin/sh", "-c", "sha256sum -c -s /data/SUMS && echo READY"}

// layers are built once for all tests, below a directory that lives as long
// as the test binary's cache.
var layers = sync.OnceValues(func() (map[string]testbed.Layer, error) {
	dir := filepath.Join(tools.Cache, "test-layers")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	out := map[string]testbed.Layer{}
	for name, files := range map[string]func() ([]testbed.File, error){
		"busybox": busybox, "data": data, "data2": data2, "small": small, "top": top, "other": other, "odd": odd,
	} {
		fs, err := files()
		if err != nil {
			return nil, err
		}
		l, err := testbed.NewLayer(dir, func(tw *tar.Writer) error { return testbed.Write(tw, fs...) })
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", name, err)
		}
		out[name] = l
	}
	return out, nil
})

// image is a small image of the named layers.
func image(t *testing.T, names ...string) testbed.Image {
	t.Helper()
	all, err := layers()
	if err != nil {
		t.Fatal(err)
	}
	img := testbed.Image{Cmd: check}
	for _, n := range names {
		img.Layers = append(img.Layers, all[n])
	}
	return img
}

// smallImage has three layers: a shell, files, and changes on top of them.
func smallImage(t *testing.T) testbed.Image { return image(t, "busybox", "data", "top") }

// readersImage is for [node.startReaders]: a smallImage with small files as well, whose layer
// is shown in another way than that of the large ones where the kernel allows it.
func readersImage(t *testing.T) testbed.Image { return image(t, "busybox", "data", "small", "top") }

var epoch = time.Unix(1700000000, 123456789)

func dir(name string) testbed.File {
	return testbed.File{Header: tar.Header{Name: name + "/", Typeflag: tar.TypeDir, ModTime: epoch, Format: tar.FormatPAX}}
}

func file(name string, content []byte) testbed.File {
	return testbed.File{Header: tar.Header{Name: name, ModTime: epoch, Format: tar.FormatPAX}, Content: content}
}

func link(typ byte, name, target string) testbed.File {
	return testbed.File{Header: tar.Header{Name: name, Typeflag: typ, Linkname: target, Mode: 0o777, ModTime: epoch, Format: tar.FormatPAX}}
}

func busybox() ([]testbed.File, error) {
	b, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return nil, fmt.Errorf("busybox-static is not installed: %w", err)
	}
	exe := file("bin/busybox", b)
	exe.Mode = 0o755
	out := []testbed.File{dir("bin"), exe, dir("etc"), file("etc/passwd", []byte("root:x:0:0::/:/bin/sh\n")), dir("tmp"), dir("proc"), dir("sys"), dir("dev")}
	for _, a := range []string{"sh", "cat", "ls", "find", "sha256sum", "sleep", "stat", "wc", "dd", "echo", "sort", "true", "touch", "rm", "mkdir", "xargs"} {
		out = append(out, link(tar.TypeSymlink, "bin/"+a, "busybox"))
	}
	return out, nil
}

// contents are deterministic bytes: half words, half noise.
func contents(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("layer span index window checkpoint lazy snapshot mount registry digest\n")
	out := make([]byte, 0, n+16)
	for len(out) < n {
		if r.IntN(4) == 0 {
			out = append(out, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()))
		} else {
			out = append(append(out, words[r.IntN(len(words))]...), ' ')
		}
	}
	return out[:n]
}

// How large the first file of these layers is, from which sized makes the others.
const (
	dataSize  = 150_000
	smallSize = 2_000
)

func data() ([]testbed.File, error) { return sized("data", sizedFiles, dataSize) }

func small() ([]testbed.File, error) { return sized("small", sizedFiles, smallSize) }

// sizedFiles is how many files data and small have.
const sizedFiles = 40

// data2 is like data, with other contents.
func data2() ([]testbed.File, error) { return sized("data", sizedFiles, 120_000) }

func other() ([]testbed.File, error) {
	fs, err := sized("more", 10, 90_000)
	return fs, err
}

// sized makes files below a directory, with their checksums in SUMS.
func sized(name string, count, size int) ([]testbed.File, error) {
	out := []testbed.File{dir(name)}
	var sums strings.Builder
	for i := range count {
		d := fmt.Sprintf("%s/d%d", name, i%7)
		if i < 7 {
			out = append(out, dir(d))
		}
		f := fmt.Sprintf("%s/f%d", d, i)
		b := sizedContent(i, size)
		out = append(out, file(f, b))
		fmt.Fprintf(&sums, "%x  /%s\n", sha256.Sum256(b), f)
	}
	out = append(out, file(name+"/SUMS", []byte(sums.String())))
	if name == "data" {
		out = append(out, file("data/gone", []byte("x")), dir("opaque"), file("opaque/below", []byte("below")))
	}
	return out, nil
}

// sizedContent is the content of file i of [sized].
func sizedContent(i, size int) []byte { return contents(uint64(i)+uint64(size), size+i*1000) }

func top() ([]testbed.File, error) {
	suid := file("usr/suid", contents(9, 5000))
	suid.Mode = 0o4755
	owned := file("usr/owned", contents(10, 300))
	owned.Uid, owned.Gid, owned.Mode = 1000, 2000, 0o640
	return []testbed.File{
		dir("data"), file("data/.wh.gone", nil),
		dir("opaque"), file("opaque/.wh..wh..opq", nil), file("opaque/above", []byte("above\n")),
		dir("usr"), suid, owned, link(tar.TypeLink, "usr/hard", "usr/suid"), link(tar.TypeSymlink, "usr/soft", "../data/SUMS"),
	}, nil
}
