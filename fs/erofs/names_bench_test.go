// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// nothing is content that is never read.
type nothing struct{}

func (nothing) ReadAt(context.Context, toc.NodeID, []byte, int64) error { return unix.EIO }

// BenchmarkAbsentName looks for names below an overlay that are not there and that nobody
// has looked for: in an unpacked layer, one mounted through FUSE, and an image.
func BenchmarkAbsentName(b *testing.B) {
	tar := treetest.Many(1000)
	tree := toctest.Tree(b, tar)
	for name, mount := range map[string]func(*testing.B) string{
		"unpacked": func(b *testing.B) string { return treetest.Unpack(b, tar) },
		"erofs":    func(b *testing.B) string { return image(b, tree, tar) },
		"fuse": func(b *testing.B) string {
			dir := b.TempDir() // goes after the loop
			loop, err := session.New(session.Options{ReadsOwn: true})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = loop.Close() })
			if _, err := loop.Mount(dir, node.New(tree, nothing{}, node.Options{}), session.MountOptions{}); err != nil {
				b.Fatal(err)
			}
			return dir
		},
	} {
		b.Run(name, func(b *testing.B) {
			dir := filepath.Join(treetest.Overlay(b, mount(b)), "many")
			i := 0
			for b.Loop() {
				i++
				var st unix.Stat_t
				if err := unix.Lstat(fmt.Sprintf("%s/absent-%d", dir, i), &st); !errors.Is(err, unix.ENOENT) {
					b.Fatal(err)
				}
			}
		})
	}
}
