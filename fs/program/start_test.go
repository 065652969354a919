// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// fakeLayer has its tar in memory and notes what is fetched of which file.
type fakeLayer struct {
	tar  []byte
	tree *toc.Tree
	fail error // of Ahead

	mu      sync.Mutex
	fetched map[string]int64  // end of what was fetched, by path
	parts   map[string][]part // what was fetched, by path
	orders  map[string]order  // in which it was, by path
	seen    map[toc.NodeID]bool
}

func newLayer(t testing.TB, files ...remotetest.File) *fakeLayer {
	t.Helper()
	l := &fakeLayer{tar: remotetest.Tar(t, files...), fetched: make(map[string]int64), parts: make(map[string][]part), orders: make(map[string]order), seen: make(map[toc.NodeID]bool)}
	l.tree = toctest.Tree(t, l.tar)
	return l
}

func (l *fakeLayer) Tree() *toc.Tree { return l.tree }

func (l *fakeLayer) Ahead(ctx context.Context, id toc.NodeID, off, n int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := l.tree.Path(id)
	l.fetched[path] = max(l.fetched[path], off+n)
	l.parts[path] = append(l.parts[path], part{off, n})
	l.orders[path] = order(fetch.Order(ctx))
	return l.fail
}

// around is what Around says is fetched before and behind an offset.
const around = 64 << 10

func (l *fakeLayer) Around(id toc.NodeID, off int64) (from, n int64) {
	_, size := l.tree.Data(id)
	if off < 0 || off >= size {
		panic(fmt.Sprint("around ", off, " of ", size))
	}
	from = max(off-around, 0)
	return from, min(off+around, size) - from
}

func (l *fakeLayer) Follow(id toc.NodeID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.seen[id]
	l.seen[id] = true
	return first
}

func (l *fakeLayer) ReadAt(_ context.Context, id toc.NodeID, p []byte, off int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, size := l.tree.Data(id)
	if path := l.tree.Path(id); off+int64(len(p)) > l.fetched[path] || off+int64(len(p)) > size {
		return fmt.Errorf("read of %s to %d: not fetched", path, off+int64(len(p)))
	}
	copy(p, l.tar[int64(data)+off:])
	return nil
}

// names are the fetched files of layers.
func names(layers ...*fakeLayer) []string {
	var all []string
	for i, l := range layers {
		for name := range l.fetched {
			all = append(all, fmt.Sprint(i, ":", name))
		}
	}
	slices.Sort(all)
	return all
}

func elfFile(name string, l linkage) remotetest.File {
	l.machine = elf.EM_X86_64
	return remotetest.File{Name: name, Mode: 0o755, Body: string(object(l, 100))}
}

// base is a layer as a distribution has it.
func base(t testing.TB) *fakeLayer {
	return newLayer(t,
		remotetest.File{Name: "bin", Link: "usr/bin"},
		remotetest.File{Name: "lib64", Link: "/usr/lib64"},
		remotetest.File{Name: "etc/passwd", Body: "root:x:0:0::/root:/bin/sh\n"},
		remotetest.File{Name: "etc/ld.so.cache", Body: "cache"},
		remotetest.File{Name: "etc/alternatives/libblas", Link: "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.1"},
		elfFile("usr/bin/dash", linkage{interpreter: "/lib64/ld.so", needed: []string{"libc.so.6"}}),
		remotetest.File{Name: "usr/bin/sh", Link: "dash"},
		elfFile("usr/lib64/ld.so", linkage{}),
		elfFile("usr/lib/x86_64-linux-gnu/libc.so.6", linkage{}),
		elfFile("usr/lib/x86_64-linux-gnu/blas/libblas.so.3.1", linkage{needed: []string{"libc.so.6", "libm.so.6"}}),
		remotetest.File{Name: "usr/lib/x86_64-linux-gnu/libblas.so.3", Link: "/etc/alternatives/libblas"},
		elfFile("usr/lib/x86_64-linux-gnu/libm.so.6", linkage{needed: []string{"libc.so.6"}}),
		elfFile("usr/lib/x86_64-linux-gnu/libunused.so", linkage{}))
}

func command(t testing.TB, config string) Command {
	t.Helper()
	c, err := ParseCommand([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStart(t *testing.T) {
	runtime := []string{"1:etc/ld.so.cache", "1:etc/passwd"}
	shell := append([]string{"1:usr/bin/dash", "1:usr/lib/x86_64-linux-gnu/libc.so.6", "1:usr/lib64/ld.so"}, runtime...)
	server := append([]string{"0:opt/server/server", "0:opt/server/lib/libown.so", "1:usr/lib/x86_64-linux-gnu/blas/libblas.so.3.1",
		"1:usr/lib/x86_64-linux-gnu/libm.so.6"}, shell[1:]...)
	for _, c := range []struct {
		name, config string
		want         []string
	}{
		{"nothing", `{}`, runtime},
		{"a shell", `{"config":{"Cmd":["sh"]}}`, shell},
		{"a path through a link", `{"config":{"Entrypoint":["/bin/sh"]}}`, shell},
		{"what is not there", `{"config":{"Cmd":["nothing","/bin/nothing","../../../nothing"]}}`, runtime},
		{"what is no program", `{"config":{"Cmd":["/etc/passwd","/usr","/usr/bin"]}}`, runtime},
		{"a program with libraries", `{"config":{"Cmd":["/opt/server/server"]}}`, server},
		{"relative to the working directory", `{"config":{"WorkingDir":"/opt/server","Cmd":["./server"]}}`, server},
		{"its own PATH", `{"config":{"Env":["A=b","PATH=/nowhere:/opt/server"],"Cmd":["server"]}}`, server},
		{"a script", `{"config":{"Cmd":["/entrypoint.sh"]}}`, append([]string{"0:entrypoint.sh"}, shell...)},
		{"a script with env", `{"config":{"Cmd":["/run.sh"]}}`, append([]string{"0:run.sh", "1:usr/bin/env"}, shell...)},
		{"a line for a shell", `{"config":{"Cmd":["sh","-c","/opt/server/server --flag=/run.sh|cat>&2"]}}`,
			append([]string{"0:run.sh", "1:usr/bin/env", "1:usr/bin/dash"}, server...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			lower := base(t)
			upper := newLayer(t,
				remotetest.File{Name: "entrypoint.sh", Body: "#! /bin/sh -e\necho\n"},
				remotetest.File{Name: "run.sh", Body: "#!/usr/bin/env -S sh\n"},
				elfFile("opt/server/server", linkage{interpreter: "/lib64/ld.so", needed: []string{"libown.so", "libblas.so.3", "libmissing.so"}, search: []string{"$ORIGIN/lib"}}),
				elfFile("opt/server/lib/libown.so", linkage{needed: []string{"libown.so"}}))
			env := newLayer(t, elfFile("usr/bin/env", linkage{}))
			Start(t.Context(), Image{upper, lower, env}, command(t, c.config))
			got := names(upper, lower)
			for name := range env.fetched {
				got = append(got, "1:"+name)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if want := slices.Compact(c.want); !slices.Equal(got, want) {
				t.Errorf("fetched %s\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
			}
		})
	}
}

func TestLoad(t *testing.T) {
	l := base(t)
	f, ok := Image{l}.Find("/usr/lib/x86_64-linux-gnu/libblas.so.3")
	if !ok {
		t.Fatal("not found")
	}
	Load(t.Context(), Image{l}, f)
	want := []string{"0:usr/lib/x86_64-linux-gnu/blas/libblas.so.3.1", "0:usr/lib/x86_64-linux-gnu/libc.so.6", "0:usr/lib/x86_64-linux-gnu/libm.so.6"}
	if got := names(l); !slices.Equal(got, want) {
		t.Errorf("fetched %s", got)
	}
}

// TestJars: libraries come with the first that is read, unless they are many.
func TestJars(t *testing.T) {
	jar := func(name string, size int) remotetest.File {
		return remotetest.File{Name: name, Body: zipLocal + strings.Repeat("x", size)}
	}
	lib := func(n, size int) *fakeLayer {
		all := []remotetest.File{jar("app/lib/sub/d.jar", 9), jar("app/other.jar", 9), {Name: "app/lib/readme", Body: "x"}}
		for i := range n {
			all = append(all, jar(fmt.Sprintf("app/lib/%03d.jar", i), size))
		}
		return newLayer(t, all...)
	}
	for _, c := range []struct {
		name    string
		n, size int
		want    []string
	}{
		{"few", 3, 100, []string{"0:app/lib/000.jar", "0:app/lib/001.jar", "0:app/lib/002.jar"}},
		{"many", maxJars + 1, 100, []string{"0:app/lib/001.jar"}},
		{"large", 9, 5 << 20, []string{"0:app/lib/001.jar"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := lib(c.n, c.size)
			f, ok := Image{l}.Find("/app/lib/001.jar")
			if !ok || !Is("001.jar", []byte(zipLocal)) || Is("001.zip", []byte(zipLocal)) || Is("001.jar", []byte("PK\x05\x06")) {
				t.Fatal("no jar")
			}
			Load(t.Context(), Image{l}, f)
			if got := names(l); !slices.Equal(got, c.want) {
				t.Errorf("fetched %s", got)
			}
		})
	}
}

// TestLargeFile: of a library that is too large to be fetched whole, its beginning
// is, its relocations and what is written to; an executable is fetched whole if it
// is not very large.
func TestLargeFile(t *testing.T) {
	const size = maxExecutable
	for _, c := range []struct {
		name    string
		file    linkage
		padding int
		want    []part
	}{
		{"a library", linkage{}, size, []part{{0, largeHead}}},
		{"relocations and data", linkage{written: []part{{2 << 20, 3 << 20}, {size - 100, 50}}}, size, []part{{0, largeHead}, {2 << 20, 3 << 20}, {size - 100, 50}}},
		{"data without end", linkage{written: []part{{2 << 20, 1}, {3 << 20, 1 << 40}}}, size, []part{{0, largeHead}, {2 << 20, 1}, {3 << 20, maxPart}}},
		{"data behind the end", linkage{written: []part{{2 << 20, 1}, {1 << 40, 1}}}, size, []part{{0, largeHead}, {2 << 20, 1}}},
		{"an executable", linkage{interpreter: "/ld.so"}, read.WholeFile, []part{{0, read.WholeFile}}},
		{"a very large executable", linkage{interpreter: "/ld.so"}, size, []part{{0, largeHead}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := base(t)
			c.file.machine, c.file.needed = elf.EM_X86_64, []string{"libc.so.6"}
			large := newLayer(t, remotetest.File{Name: "large", Body: string(object(c.file, c.padding))})
			Start(t.Context(), Image{large, l}, command(t, `{"config":{"Cmd":["/large"]}}`))
			parts := large.parts["large"]
			for _, want := range c.want {
				if !slices.ContainsFunc(parts, func(p part) bool { return p.off <= max(want.off, headBytes) && p.off+p.n >= want.off+want.n }) {
					t.Errorf("fetched %v, not %v", parts, want)
				}
			}
			total, most := int64(0), int64(10<<10) // headers are read one after the other
			for _, p := range parts {
				total += p.n
			}
			for _, p := range c.want {
				most += p.n
			}
			if c.file.interpreter == "" && total > most {
				t.Errorf("fetched %d bytes, want %d", total, most)
			}
			if l.fetched["usr/lib/x86_64-linux-gnu/libc.so.6"] == 0 {
				t.Error("its library was not fetched")
			}
		})
	}
}

// TestStartIsBounded: neither loops, nor large images, nor a registry that is
// gone keep it.
func TestStartIsBounded(t *testing.T) {
	files := []remotetest.File{{Name: "a", Link: "b"}, {Name: "b", Link: "a"}, {Name: "deep", Link: "deep/deep"}}
	for i := range maxFiles + 100 {
		needed := []string{"/lib/0", "/a", "/deep"}
		for k := range 8 {
			needed = append(needed, fmt.Sprint("/lib/", 8*i+k+1))
		}
		files = append(files, elfFile(fmt.Sprint("lib/", i), linkage{needed: needed}))
	}
	for name, c := range map[string]struct {
		spent func(*start)
		want  int // files
	}{
		"files":    {func(*start) {}, maxFiles},
		"bytes":    {func(s *start) { s.bytes = maxBytes - 3000 }, 3000 / len(files[10].Body)},
		"searches": {func(s *start) { s.finds.Store(maxFinds - 1) }, 1},
	} {
		l := newLayer(t, files...)
		s := newStart(t.Context(), Image{l}, nil, expected)
		c.spent(s)
		s.add(s.find("/lib/0"))
		s.work.Wait()
		if n := len(l.fetched); n != c.want {
			t.Errorf("%s: %d were fetched, want %d", name, n, c.want)
		}
	}
	l := packageOf(t, 100)
	s := newStart(t.Context(), Image{l}, nil, expected)
	s.modules.listed = maxListed - 3
	s.addImports("/usr/lib/python3.11/site-packages", []string{"p"})
	s.work.Wait()
	if n := len(l.fetched); s.modules.listed != maxListed || n > 3 {
		t.Errorf("%d names were listed, %d files fetched", s.modules.listed, n)
	}
	s = newStart(t.Context(), Image{l}, nil, expected)
	s.modules.tried = maxTried
	s.addImports("/usr/lib/python3.11/site-packages", []string{"p.m1"})
	s.work.Wait()
	if n := len(l.fetched); n > 3 {
		t.Errorf("%d files were fetched without a try", n)
	}
}

// TestStartEnds: it ends when nothing can be fetched, or its context ended.
func TestStartEnds(t *testing.T) {
	gone := base(t)
	gone.fail = errors.New("gone")
	Start(t.Context(), Image{gone}, command(t, `{"config":{"Cmd":["sh"]}}`))
	if gone.fetched["usr/bin/dash"] == 0 || gone.fetched["usr/lib64/ld.so"] != 0 {
		t.Errorf("fetched %s", names(gone))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	l := base(t)
	Start(ended, Image{l}, command(t, `{"config":{"Cmd":["sh"]}}`))
	if got := names(l); len(got) > 0 {
		t.Errorf("fetched %s", got)
	}
}

func TestFind(t *testing.T) {
	lower := base(t)
	upper := newLayer(t, elfFile("usr/bin/dash", linkage{}), remotetest.File{Name: "up", Link: "../../bin/./../bin/sh"})
	im := Image{upper, lower}
	for path, want := range map[string]string{
		"/bin/sh": "/usr/bin/dash", "bin/sh": "/usr/bin/dash", "/up": "/usr/bin/dash", "/../bin//dash": "/usr/bin/dash",
		"/etc/passwd": "/etc/passwd", "/etc/passwd/x": "", "/etc": "", "": "", "/": "", "/etc/none": "",
	} {
		f, ok := im.Find(path)
		if ok != (want != "") || (ok && f.Path != want) {
			t.Errorf("%q is %q, %v, want %q", path, f.Path, ok, want)
		}
		if ok && strings.HasSuffix(want, "dash") && f.Layer != Layer(upper) {
			t.Errorf("%q is not the upper one", path)
		}
	}
}

func TestBadConfiguration(t *testing.T) {
	for _, b := range []string{"", "[]", `{"config":{"Cmd":"sh"}}`} {
		if c, err := ParseCommand([]byte(b)); err == nil {
			t.Errorf("%q: %+v", b, c)
		}
	}
	if c := command(t, `{"config":{"Env":["PATH=`+strings.Repeat("/x:", 10*maxDirs)+`"]}}`); len(c.path) != maxDirs {
		t.Errorf("%d directories", len(c.path))
	}
	c := command(t, `{"config":{"Cmd":["`+strings.Repeat("x ", 10*maxWords)+`"]}}`)
	if len(c.words) != maxWords {
		t.Errorf("%d words", len(c.words))
	}
}

var _ io.ReaderAt = content{}
