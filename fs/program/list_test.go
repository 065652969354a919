// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc"
)

const listed = "usr/lib/python3.11/site-packages"

// linksIn is a layer with n symlinks in a directory: to nothing, to a directory and to
// a file by turns.
func linksIn(t testing.TB, dir string, n int) *fakeLayer {
	all := []remotetest.File{{Name: "target/file", Body: "x"}}
	for i := range n {
		all = append(all, remotetest.File{Name: fmt.Sprintf("%s/m%03d.py", dir, i), Link: []string{"/none", "/target", "/target/file"}[i%3]})
	}
	return newLayer(t, all...)
}

func TestList(t *testing.T) {
	upper := newLayer(t, remotetest.File{Name: "d/b", Link: "/target/file"}, remotetest.File{Name: "d/c/x", Body: "x"})
	lower := newLayer(t, remotetest.File{Name: "d/a", Body: "x"}, remotetest.File{Name: "d/b", Body: "y"}, remotetest.File{Name: "d/d", Link: "/target"},
		remotetest.File{Name: "target/file", Body: "x"})
	s := newStart(t.Context(), Image{upper, lower}, nil, expected)
	show := func(all []named) (shown []string) {
		for _, n := range all {
			kind := map[[2]bool]string{{true, false}: "file", {false, true}: "directory"}[[2]bool{n.isFile, n.isDir}]
			layer := slices.Index(s.image, n.Layer)
			shown = append(shown, fmt.Sprint(n.name, " is ", kind, " ", layer, ":", n.Path))
		}
		return shown
	}
	want := []string{"b is file 1:/target/file", "c is directory 0:/d/c", "a is file 1:/d/a", "d is  1:/d/d"}
	if got := show(s.list("/d", 9)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := s.finds.Load(); n != 7 { // two names, three, and two symlinks
		t.Errorf("%d finds", n)
	}
	if got := show(s.list("d", 1)); !slices.Equal(got, want[:1]) {
		t.Errorf("one name: %q", got)
	}
}

// endingLayer ends a start when it was looked into so often.
type endingLayer struct {
	*fakeLayer
	looks, last int
	end         context.CancelFunc
}

func (l *endingLayer) Tree() *toc.Tree {
	if l.looks++; l.looks == l.last {
		l.end()
	}
	return l.fakeLayer.Tree()
}

// TestListEnds: names that lead nowhere count too, and a directory of them does not
// outlive the start.
func TestListEnds(t *testing.T) {
	l := linksIn(t, listed, 300)
	s := newStart(t.Context(), Image{l}, nil, expected)
	if got := len(s.modules.in("/" + listed)); got != 100 || s.modules.listed != 300 || s.finds.Load() != 600 {
		t.Errorf("%d modules, %d names, %d finds", got, s.modules.listed, s.finds.Load())
	}
	s = newStart(t.Context(), Image{l}, nil, expected)
	s.modules.listed = maxListed - 30
	if got := len(s.modules.in("/" + listed)); got != 10 || s.modules.listed != maxListed {
		t.Errorf("%d modules when %d names were listed", got, s.modules.listed)
	}
	s = newStart(t.Context(), Image{l}, nil, expected)
	s.finds.Store(maxFinds - 60)
	if got := len(s.list(listed, maxListed)); got != 30 || s.finds.Load() != maxFinds {
		t.Errorf("%d names, %d finds", got, s.finds.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	ending := &endingLayer{fakeLayer: l, last: 200, end: cancel}
	s = newStart(ctx, Image{ending}, []string{"/bin", "/usr/bin"}, expected)
	s.addImports("/"+listed, []string{"m2"})
	if ending.looks > ending.last+20 {
		t.Errorf("looked %d times after the end", ending.looks-ending.last)
	}
}

// TestListOfLongPaths: names are kept with their paths.
func TestListOfLongPaths(t *testing.T) {
	dir := strings.Repeat("d", toc.MaxName) + strings.Repeat("/"+strings.Repeat("d", toc.MaxName), 3)
	s := newStart(t.Context(), Image{linksIn(t, dir, 90)}, nil, expected)
	s.modules.listed = maxListed - 60
	if got := len(s.modules.in("/" + dir)); got != 4 || s.modules.listed != maxListed {
		t.Errorf("%d modules when %d names were listed", got, s.modules.listed-maxListed)
	}
}

// TestCommandEnds: the words of commands are looked for as all else is.
func TestCommandEnds(t *testing.T) {
	l := &endingLayer{fakeLayer: base(t)}
	s := newStart(t.Context(), Image{l}, nil, expected)
	c := command(t, `{"config":{"Env":["PATH=/a:/b:/c"]}}`)
	for _, word := range []string{"sh", "./sh", "/bin/sh"} {
		c.find(s, word)
	}
	if n := s.finds.Load(); n != 6 {
		t.Errorf("%d finds", n)
	}
	s.finds.Store(maxFinds)
	looks := l.looks
	for _, word := range []string{"sh", "./sh", "/bin/sh"} {
		if f, ok := c.find(s, word); ok || l.looks > looks {
			t.Errorf("%q: %q, looked %d times", word, f.Path, l.looks-looks)
		}
	}
}
