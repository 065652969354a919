// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc/toctest"
)

// servers mount the same file system: ours, and go-fuse's own server to
// compare with in the same run.
var servers = map[string]func(b *testing.B, raw fuse.RawFileSystem) string{
	"session": func(b *testing.B, raw fuse.RawFileSystem) string {
		dir := b.TempDir()
		s, err := newLoop(b).Mount(dir, raw, session.MountOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Unmount() })
		return dir
	},
	"gofuse": func(b *testing.B, raw fuse.RawFileSystem) string {
		dir := b.TempDir()
		s, err := fuse.NewServer(raw, dir, &fuse.MountOptions{DirectMountStrict: true, DirectMountFlags: unix.MS_RDONLY,
			MaxWrite: 1 << 20, ExplicitDataCacheControl: true, EnableSymlinkCaching: true,
			ExtraCapabilities: fuse.CAP_NO_OPENDIR_SUPPORT, DisableSplice: true})
		if err != nil {
			b.Fatal(err)
		}
		go s.Serve()
		if err := s.WaitMount(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Unmount() })
		return dir
	},
}

const benchBytes = 32 << 20

// BenchmarkRoundTrip is one READ of 4 KiB past the page cache.
func BenchmarkRoundTrip(b *testing.B) {
	tar := treetest.NewLayer().File("f", treetest.Noise(1, benchBytes)).Bytes()
	tree := toctest.Tree(b, tar)
	for name, mount := range servers {
		b.Run(name, func(b *testing.B) {
			dir := mount(b, node.New(tree, tarContent{tree, tar}, node.Options{}))
			fd, err := unix.Open(filepath.Join(dir, "f"), unix.O_RDONLY|unix.O_DIRECT, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = unix.Close(fd) }()
			buf := make([]byte, 4096)
			i := int64(0)
			for b.Loop() {
				if _, err := unix.Pread(fd, buf, i%(benchBytes/4096)*4096); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkSequential reads a file that is not in the page cache.
func BenchmarkSequential(b *testing.B) {
	tar := treetest.NewLayer().File("f", treetest.Noise(1, benchBytes)).Bytes()
	tree := toctest.Tree(b, tar)
	for name, mount := range servers {
		b.Run(name, func(b *testing.B) {
			dir := mount(b, node.New(tree, tarContent{tree, tar}, node.Options{}))
			fd, err := unix.Open(filepath.Join(dir, "f"), unix.O_RDONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = unix.Close(fd) }()
			buf := make([]byte, 128<<10)
			b.SetBytes(benchBytes)
			for b.Loop() {
				if err := unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED); err != nil {
					b.Fatal(err)
				}
				for off := int64(0); off < benchBytes; off += int64(len(buf)) {
					if _, err := unix.Pread(fd, buf, off); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkSmallFiles opens, reads and closes cached files.
func BenchmarkSmallFiles(b *testing.B) {
	tar := treetest.Many(1000)
	tree := toctest.Tree(b, tar)
	for _, o := range []node.Options{{}, {NoOpen: true}} {
		b.Run(fmt.Sprintf("noopen=%v", o.NoOpen), func(b *testing.B) {
			dir := mountTree(b, newLoop(b), tree, tarContent{tree, tar}, o)
			i := 0
			for b.Loop() {
				if _, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("many/file-%05d", i%1000))); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkMount mounts and unmounts.
func BenchmarkMount(b *testing.B) {
	tree := toctest.Tree(b, treetest.Many(1000))
	loop := newLoop(b)
	dir := b.TempDir()
	for b.Loop() {
		s, err := loop.Mount(dir, node.New(tree, instant{}, node.Options{}), session.MountOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Unmount(); err != nil {
			b.Fatal(err)
		}
	}
}
