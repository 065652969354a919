// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// mountPassed mounts a layer whose files are all in dir, which is an unpack
// of it.
func mountPassed(t testing.TB, loop *session.Loop, tar []byte, dir string) string {
	t.Helper()
	if found, err := loop.Probe(t.TempDir()); err != nil || found.Passthrough != nil {
		t.Skip(found.Passthrough, err)
	}
	tree, at := toctest.Tree(t, tar), t.TempDir()
	s, err := loop.Mount(at, node.New(tree, tarContent{tree, tar}, node.Options{}), session.MountOptions{
		Nodes: tree.Len(),
		Backing: func(n uint64) (*os.File, bool) {
			f, err := os.Open(filepath.Join(dir, tree.Path(toc.NodeID(n))))
			return f, err == nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return at
}

// TestPassthroughEqualsUnpack compares every kind of layer, as it is and below
// an overlay.
func TestPassthroughEqualsUnpack(t *testing.T) {
	loop := newLoop(t)
	for name, tar := range treetest.OddLayers() {
		if name == "many" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := treetest.Unpack(t, tar)
			at := mountPassed(t, loop, tar, dir)
			o := treetest.Unpacked(toctest.Tree(t, tar))
			for _, d := range treetest.Compare(dir, at, o) {
				t.Error(d)
			}
			for _, d := range treetest.Compare(treetest.Overlay(t, dir), treetest.Overlay(t, at), o) {
				t.Errorf("overlay: %s", d)
			}
		})
	}
}

// TestPassthroughInUse executes, maps and copies up files that are passed
// through, while they are open.
func TestPassthroughInUse(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	noise := treetest.Noise(1, 5<<20)
	layer := treetest.NewLayer().Add(tar.Header{Name: "exe", Mode: 0o755}, string(self)).File("data", noise)
	blob := layer.Bytes()
	merged := treetest.Overlay(t, mountPassed(t, newLoop(t), blob, treetest.Unpack(t, blob)))
	data := filepath.Join(merged, "data")

	held, err := os.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	for range 2 {
		cmd := mounted(filepath.Join(merged, "exe"))
		cmd.Env = []string{"SPRY_TEST_MMAP=" + data}
		out, err := cmd.CombinedOutput()
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(noise))); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("executed, mapped: %v, %s, want %s", err, out, want)
		}
	}
	for _, name := range []string{"exe", "data"} { // copied up
		f, err := os.OpenFile(filepath.Join(merged, name), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("more"); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, err := io.ReadAll(held); err != nil || !strings.HasPrefix(string(got), noise) {
		t.Errorf("file open since before the copy: %d bytes, %v", len(got), err)
	}
	for name, want := range map[string]string{"exe": string(self), "data": noise} {
		if got, err := os.ReadFile(filepath.Join(merged, name)); err != nil || string(got) != want+"more" {
			t.Errorf("%s after the copy: %d bytes, %v", name, len(got), err)
		}
	}
}

const passedBytes = 64 << 20

// BenchmarkOverlay compares ways to serve data that is on disk, below an
// overlay as containers see it. Everything is in the page cache.
func BenchmarkOverlay(b *testing.B) {
	tar := treetest.NewLayer().File("large", treetest.Noise(1, passedBytes)).File("small", treetest.Noise(2, 4096)).File("middle", treetest.Noise(3, 1<<20)).Bytes()
	dir, loop := treetest.Unpack(b, tar), newLoop(b)
	layers := map[string]string{
		"unpacked":    dir,
		"passthrough": mountPassed(b, loop, tar, dir),
		"open":        mountTar(b, loop, tar, node.Options{}),
		"noopen":      mountTar(b, loop, tar, node.Options{NoOpen: true}),
	}
	for _, name := range []string{"unpacked", "passthrough", "open", "noopen"} {
		merged := treetest.Overlay(b, layers[name])
		large := filepath.Join(merged, "large")
		b.Run("sequential/"+name, func(b *testing.B) { benchReads(b, large, 1<<20, false) })
		b.Run("random/"+name, func(b *testing.B) { benchReads(b, large, 4096, true) })
		for _, file := range []string{"small", "middle"} {
			b.Run(file+"/"+name, func(b *testing.B) { benchOpens(b, filepath.Join(merged, file)) })
		}
	}
}

// benchReads reads n bytes at a time.
func benchReads(b *testing.B, path string, n int64, random bool) {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	buf := make([]byte, n)
	for off := int64(0); off < passedBytes; off += n {
		if _, err := unix.Pread(fd, buf, off); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(n)
	step := int64(1)
	if random {
		step = 7919
	}
	i := int64(0)
	for b.Loop() {
		if _, err := unix.Pread(fd, buf, i%(passedBytes/n)*n); err != nil {
			b.Fatal(err)
		}
		i += step
	}
}

// benchOpens opens, reads and closes a file.
func benchOpens(b *testing.B, path string) {
	buf := make([]byte, 1<<20)
	for b.Loop() {
		fd, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := unix.Pread(fd, buf, 0); err != nil {
			b.Fatal(err)
		}
		if err := unix.Close(fd); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPassthroughRatio reads warm files by turns from an overlay over an
// unpacked layer and one over a mount with passthrough, and reports the median
// speed of the second as a part of the first.
func BenchmarkPassthroughRatio(b *testing.B) {
	tar := treetest.NewLayer().File("large", treetest.Noise(1, passedBytes)).Bytes()
	dir := treetest.Unpack(b, tar)
	var fds [2]int
	for i, lower := range []string{dir, mountPassed(b, newLoop(b), tar, dir)} {
		fd, err := unix.Open(filepath.Join(treetest.Overlay(b, lower), "large"), unix.O_RDONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		fds[i] = fd
	}
	for name, size := range map[string]int64{"sequential": 1 << 20, "random": 4096} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, size)
			var ratios []float64
			for b.Loop() {
				var took [2]time.Duration
				for i, fd := range fds {
					start := time.Now()
					for k := range int64(passedBytes >> 20) {
						if _, err := unix.Pread(fd, buf, k*7919%(passedBytes/size)*size); err != nil {
							b.Fatal(err)
						}
					}
					took[i] = time.Since(start)
				}
				ratios = append(ratios, float64(took[0])/float64(took[1]))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}
