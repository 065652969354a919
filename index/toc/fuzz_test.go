// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// entriesFrom reads entries from fuzzed bytes: small numbers choose from
// names that meet each other often.
func entriesFrom(b []byte) []toc.Entry {
	next := func() byte {
		if len(b) == 0 {
			return 0
		}
		c := b[0]
		b = b[1:]
		return c
	}
	text := func() string {
		words := []string{"a", "b", "/", "..", ".", ".wh.", ".wh..wh..opq", "c", "\x00", "a/b", "user.", "security.capability"}
		s := ""
		for n := next() % 6; n > 0; n-- {
			if c := next(); c < 200 {
				s += words[int(c)%len(words)]
			} else {
				s += string(rune(c))
			}
		}
		return s
	}
	var entries []toc.Entry
	for len(b) > 0 && len(entries) < 200 {
		e := toc.Entry{Type: toc.Type(next() % 9), Name: text()}
		flags := next()
		if flags&1 != 0 {
			e.Linkname = text()
		}
		if flags&2 != 0 {
			e.PAX = []toc.Record{{Key: "SCHILY.xattr." + text(), Value: text()}}
		}
		if flags&4 != 0 {
			e.Offset, e.Size = span.UncompressedOffset(int8(next()))*512, int64(int8(next()))*64
		}
		if flags&8 != 0 {
			e.Mode, e.ModTime = int64(next())<<8|int64(next()), time.Unix(int64(int8(next())), 0)
		}
		if flags&16 != 0 {
			e.UID, e.GID, e.Devmajor = -uint32(next()), -uint32(next()), int64(int8(next()))
		}
		entries = append(entries, e)
	}
	return entries
}

func FuzzTree(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 1, 0, 0, 1, 3, 0, 2, 7, 0, 4, 1, 1, 1, 1, 0})
	f.Add([]byte{2, 1, 0, 8, 1, 2, 3, 1, 3, 0, 2, 5, 0, 3, 1, 1, 1, 1, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries := entriesFrom(b)
		tree, err := toc.NewTree(entries)
		if err != nil {
			var bad *toc.EntryError
			if !errors.As(err, &bad) || bad.Index >= len(entries) || entries[bad.Index].Name != bad.Name {
				t.Fatalf("error %v does not name its entry", err)
			}
			return
		}
		checkTree(t, tree)
	})
}

// checkTree holds a tree against what every tree promises.
func checkTree(t *testing.T, tree *toc.Tree) {
	t.Helper()
	names, subdirs, visits := map[toc.NodeID]uint32{}, map[toc.NodeID]uint32{}, 0
	var walk func(dir toc.NodeID)
	walk = func(dir toc.NodeID) {
		last := ""
		for i := range tree.Children(dir) {
			name, child := tree.Child(dir, i)
			if name <= last || name == "." || name == ".." {
				t.Fatalf("name %q of node %d comes after %q", name, dir, last)
			}
			last = name
			if found, ok := tree.Lookup(dir, name); !ok || found != child {
				t.Fatalf("lookup of %q in %d is %d, not %d", name, dir, found, child)
			}
			visits++
			names[child]++
			if a, _ := tree.Attr(child); a.IsDir() {
				subdirs[dir]++
				if names[child] > 1 || tree.Parent(child) != dir {
					t.Fatalf("directory %d has two parents", child)
				}
				walk(child)
			}
		}
	}
	walk(toc.RootID)
	if visits != tree.Names() {
		t.Errorf("%d names found, %d counted", visits, tree.Names())
	}
	for id := toc.RootID; id <= toc.NodeID(tree.Len()); id++ {
		a, _ := tree.Attr(id)
		want := names[id]
		if a.IsDir() {
			want = 2 + subdirs[id]
		}
		if a.Nlink != want || id != toc.RootID && names[id] == 0 {
			t.Errorf("node %d %q has %d links, want %d", id, tree.Path(id), a.Nlink, want)
		}
	}
	end := span.UncompressedOffset(0)
	for id := range tree.Files(0, math.MaxInt64) {
		off, size := tree.Data(id)
		if off < end || size <= 0 {
			t.Errorf("data of %d at %d, before %d", id, off, end)
		}
		end = off + span.UncompressedOffset(size)
	}
}
