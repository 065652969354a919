// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"context"
	"testing"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// tarContent reads files from an uncompressed layer in memory.
type tarContent struct {
	tree *toc.Tree
	tar  []byte
}

func (c tarContent) ReadAt(_ context.Context, id toc.NodeID, p []byte, off int64) error {
	start, _ := c.tree.Data(id)
	copy(p, c.tar[int64(start)+off:])
	return nil
}

func newLoop(t testing.TB) *session.Loop {
	t.Helper()
	loop, err := session.New(session.Options{ReadsOwn: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	})
	return loop
}

// mountTree mounts tree and returns the mountpoint.
func mountTree(t testing.TB, loop *session.Loop, tree *toc.Tree, c node.Content, o node.Options) string {
	t.Helper()
	dir := t.TempDir()
	s, err := loop.Mount(dir, node.New(tree, c, o), session.MountOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// mountTar mounts the layer.
func mountTar(t testing.TB, loop *session.Loop, tar []byte, o node.Options) string {
	t.Helper()
	tree := toctest.Tree(t, tar)
	return mountTree(t, loop, tree, tarContent{tree, tar}, o)
}

func TestMountEqualsUnpack(t *testing.T) {
	loop := newLoop(t)
	for name, tar := range treetest.OddLayers() {
		for _, o := range []node.Options{{}, {NoOpen: true}} {
			t.Run(name, func(t *testing.T) {
				tree := toctest.Tree(t, tar)
				mnt := mountTree(t, loop, tree, tarContent{tree, tar}, o)
				for _, d := range treetest.Compare(treetest.Unpack(t, tar), mnt, treetest.Unpacked(tree)) {
					t.Error(d)
				}
			})
		}
	}
}
