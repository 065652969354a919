// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"debug/elf"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc"
)

// allocated is how many bytes do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// deep is a path of many names, the longest that there is.
var deep = strings.Repeat("/d", toc.MaxPath/2-1) + "/f"

// TestTextsAreBounded: what a text of 4 MiB takes to be read does not grow with how
// many words it has.
func TestTextsAreBounded(t *testing.T) {
	text := strings.Repeat("a ", maxText/2)
	for name, read := range map[string]func(){
		"files of a script": func() { scriptFiles(text) },
		"perl":              func() { perlNames("use " + text[4:]) },
		"parents of perl":   func() { perlNames("use parent " + text[11:]) },
		"words": func() {
			var c Command
			c.addWords(text, false)
		},
	} {
		if n := allocated(read); n > 2*maxText { // with the text itself
			t.Errorf("%s: %d bytes", name, n)
		}
	}
	var c Command
	c.addWords(strings.Repeat("/x ", 2*maxWords)+"de_DE.utf8 C.utf8", true)
	if len(c.words) != maxWords || c.locale != "de_DE.utf8" {
		t.Errorf("%d words, locale %q", len(c.words), c.locale)
	}
}

// TestArgumentsAreBounded: of a command of many arguments few are read.
func TestArgumentsAreBounded(t *testing.T) {
	config := `{"config":{"Cmd":[` + strings.Repeat(`"sh","-c","PATH=/b:$PATH",`, 5000) + `"sh"]}}`
	c := command(t, config)
	if n := allocated(func() { command(t, config) }); len(c.words) > maxWords || n > 32<<20 {
		t.Errorf("%d words, %d bytes", len(c.words), n)
	}
	c = command(t, `{"config":{"Env":["PATH=/a:/`+strings.Repeat("b", maxPath)+`:/c"]}}`)
	if got := strings.Join(c.path, ":"); got != "/a:/c" {
		t.Errorf("PATH is %.99q", got)
	}
	s := newStart(t.Context(), Image{base(t)}, nil, expected)
	if n := allocated(func() { c.find(s, strings.Repeat("w", maxText)) }); n > 3*maxText/2 || s.finds.Load() > 0 {
		t.Errorf("a long word: %d bytes, %d finds", n, s.finds.Load())
	}
}

// TestNamesAreForgotten: what is known to have been looked for holds no text, and is
// not more than maxLooked.
func TestNamesAreForgotten(t *testing.T) {
	s := newStart(t.Context(), nil, nil, expected)
	text := "name and the rest"
	if !s.first("x", text[:4]) || s.first("x", text[:4]) || !s.first("y", text[:4]) {
		t.Error("not the first")
	}
	for k := range s.looked {
		if unsafe.StringData(k[1]) == unsafe.StringData(text) {
			t.Errorf("%q is a part of what was read", k)
		}
	}
	for i := range 2 * maxLooked {
		s.first("x", fmt.Sprint(i))
	}
	if len(s.looked) != maxLooked || s.first("x", "another") {
		t.Errorf("%d names are known", len(s.looked))
	}
}

// TestParts: a file of which thousands of parts are read when it is loaded is fetched
// in few, and all parts of a start are not more than the files that it may fetch.
func TestParts(t *testing.T) {
	const name = "lib/many.so"
	l := newLayer(t, remotetest.File{Name: name, Body: string(dynamicObject(elf.DT_RELASZ, "", 7<<20))})
	f, ok := Image{l}.Find(name)
	if !ok {
		t.Fatal("not there")
	}
	Load(t.Context(), Image{l}, f)
	if n := len(l.parts[name]); n < maxHeaders || n > maxHeaders+200 { // the dynamic section is read in parts too
		t.Errorf("%d parts", n)
	}
	clear(l.parts)
	s := newStart(t.Context(), Image{l}, nil, expected)
	s.files = 10
	for i := range int64(2 * maxFiles) {
		s.addPart(content{s, f}, i, i+1)
	}
	s.work.Wait()
	if n := len(l.parts[name]); n != maxFiles-10 {
		t.Errorf("%d parts", n)
	}
}

// TestJarsWait: what lists the libraries around one waits for others that read texts.
func TestJarsWait(t *testing.T) {
	l := newLayer(t, remotetest.File{Name: "a.jar", Body: zipLocal})
	f, ok := Image{l}.Find("a.jar")
	if !ok {
		t.Fatal("not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := newStart(ctx, Image{l}, nil, expected)
	for range parallelTexts {
		s.texts.Take(t.Context())
	}
	s.load(f, s.size(f))
	cancel()
	s.release()
	s.work.Wait()
	if len(s.looked) > 0 {
		t.Errorf("looked for %v", s.looked)
	}
}

// TestLibrariesEnd: nothing is put together that is not looked for any more.
func TestLibrariesEnd(t *testing.T) {
	var needed, search []string
	for i := range maxNeeded {
		needed = append(needed, fmt.Sprint("lib", i, ".so"))
		search = append(search, fmt.Sprint("/", i))
	}
	l := newLayer(t, elfFile("program", linkage{needed: needed, search: search}))
	f, ok := Image{l}.Find("program")
	s := newStart(t.Context(), Image{l}, nil, expected)
	c := content{s, f}
	if !ok || c.fetch(0, s.size(f)) != nil {
		t.Fatal("not there")
	}
	s.finds.Store(maxFinds)
	if n := testing.AllocsPerRun(1, func() { s.addLinked(c, s.size(f)) }); n > 4*maxNeeded+1000 {
		t.Errorf("%v allocations", n)
	}
}

// TestFindIsLinear: a path costs as much as it has names, also behind symlinks.
func TestFindIsLinear(t *testing.T) {
	target := deep[len(deep)-2*500:]
	im := Image{newLayer(t, remotetest.File{Name: target, Body: "x"}, remotetest.File{Name: "link", Link: target})}
	f, ok := im.Find("/link")
	if !ok || f.Path != target {
		t.Fatalf("%v, %.9q", ok, f.Path)
	}
	if n := allocated(func() { im.Find("/link") }); n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}
