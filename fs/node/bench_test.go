// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"context"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// instant is content that costs nothing.
type instant struct{}

func (instant) ReadAt(context.Context, toc.NodeID, []byte, int64) error { return nil }

// operations are the calls that count, on a 10000 entry directory.
func operations(t testing.TB) map[string]func() {
	f := node.New(toctest.Tree(t, treetest.Many(10000)), instant{}, node.Options{})
	dir, file := lookup(t, f, "many"), lookup(t, f, "many/file-05000")
	xf := node.New(toctest.Tree(t, treetest.OddLayers()["xattrs"]), instant{}, node.Options{})
	caps := lookup(t, xf, "caps")
	header := &fuse.InHeader{NodeId: dir}
	var entry fuse.EntryOut
	var attr fuse.AttrOut
	var open fuse.OpenOut
	sizes := node.New(toctest.Tree(t, treetest.OddLayers()["sizes"]), instant{}, node.Options{})
	mebibyte := lookup(t, sizes, "size-1048576")
	dest, page := make([]byte, 100), make([]byte, 4096)
	list := fuse.NewDirEntryList(page, 5000)
	full := *list
	return map[string]func(){
		"Lookup":   func() { f.Lookup(nil, header, "file-05000", &entry) },
		"Negative": func() { f.Lookup(nil, header, "file-x", &entry) },
		"GetAttr":  func() { f.GetAttr(nil, &fuse.GetAttrIn{InHeader: fuse.InHeader{NodeId: file}}, &attr) },
		"Open":     func() { f.Open(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: file}}, &open) },
		"GetXAttr": func() { xf.GetXAttr(nil, &fuse.InHeader{NodeId: caps}, "security.capability", dest) },
		"ReadDirPlus4K": func() {
			*list = full
			f.ReadDirPlus(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: dir}, Offset: 5000}, list)
		},
		"Read": func() {
			r, _ := sizes.Read(nil, &fuse.ReadIn{InHeader: fuse.InHeader{NodeId: mebibyte}, Size: 4096}, page)
			r.Done()
		},
	}
}

func TestNoAllocations(t *testing.T) {
	for name, op := range operations(t) {
		if n := testing.AllocsPerRun(100, op); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	for name, op := range operations(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				op()
			}
		})
	}
}
