// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"fmt"

	"github.com/spryd/spry/index/toc"
)

func ExampleNewTree() {
	tree, err := toc.NewTree([]toc.Entry{
		{Name: "./etc/motd", Type: toc.Regular, Mode: 0o644, Offset: 512, Size: 6},
		{Name: "./etc/.wh.passwd", Type: toc.Regular},
		{Name: "./etc/issue", Type: toc.Hardlink, Linkname: "etc/motd", Mode: 0o644},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	etc, _ := tree.Lookup(toc.RootID, "etc")
	for i := range tree.Children(etc) {
		name, id := tree.Child(etc, i)
		attr, _ := tree.Attr(id)
		fmt.Printf("%d %06o %d %s\n", id, attr.Mode, attr.Nlink, name)
	}
	// Output:
	// 3 100644 2 issue
	// 3 100644 2 motd
	// 4 020000 1 passwd
}
