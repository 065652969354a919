// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"context"
	"debug/elf"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/spryd/spry/fs/read"
)

const (
	// headBytes is how much is fetched of a file too large to fetch whole, and
	// read to see what it is.
	headBytes = 4 << 10
	// maxFiles and maxBytes bound what one start fetches.
	maxFiles = 256
	maxBytes = 128 << 20
	// parallel is how many files are fetched at a time.
	parallel = 8
)

// runtimeFiles are read by container runtimes and the C library at every
// start.
var runtimeFiles = []string{"/etc/passwd", "/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf"}

// loaderDirs are where the loaders of glibc and musl look; triple stands for the
// directory of an architecture, as Debian has it.
var loaderDirs = []string{"/lib/triple", "/usr/lib/triple", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"}

// triples are the names of such directories.
var triples = map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}

// Is says whether a file that begins with head is a program, a library or a
// script.
func Is(head []byte) bool {
	return bytes.HasPrefix(head, []byte(elf.ELFMAG)) || isScript(head)
}

func isScript(head []byte) bool { return bytes.HasPrefix(head, []byte("#!")) }

// Start fetches what running c in a container of im reads, and returns when
// that is here, or ctx has ended. What cannot be fetched is left to the reader
// who needs it.
func Start(ctx context.Context, im Image, c Command) {
	s := newStart(ctx, im)
	for _, name := range runtimeFiles {
		s.add(im.Find(name))
	}
	for _, word := range c.words {
		s.add(c.find(im, word))
	}
	s.work.Wait()
}

// Load is Start for a file that a container reads now.
func Load(ctx context.Context, im Image, f File) {
	s := newStart(ctx, im)
	s.add(f, true)
	s.work.Wait()
}

// start is what one start fetches.
type start struct {
	ctx   context.Context
	image Image
	work  sync.WaitGroup
	slots chan struct{}

	mu    sync.Mutex // guards everything below
	seen  map[File]bool
	bytes int64
}

func newStart(ctx context.Context, im Image) *start {
	return &start{ctx: ctx, image: im, slots: make(chan struct{}, parallel), seen: make(map[File]bool)}
}

// add fetches f, unless it was added before or is too much, and then what it
// needs.
func (s *start) add(f File, ok bool) {
	if !ok || s.ctx.Err() != nil {
		return
	}
	_, size := f.Layer.Tree().Data(f.Node)
	if size > read.WholeFile {
		size = headBytes
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[f] || len(s.seen) >= maxFiles || s.bytes+size > maxBytes {
		return
	}
	s.seen[f] = true
	s.bytes += size
	s.work.Go(func() { s.load(f, size) })
}

// load fetches the first n bytes of f and adds what f needs.
func (s *start) load(f File, n int64) {
	c := content{s, f}
	head := make([]byte, min(n, headBytes))
	if c.fetch(0, n) != nil || f.Layer.ReadAt(s.ctx, f.Node, head, 0) != nil {
		return
	}
	switch {
	case isScript(head):
		s.addInterpreter(head)
	case Is(head):
		if l, err := readLinkage(c); err == nil {
			s.addLinked(f, l)
		}
	}
}

// addInterpreter adds what the first line of a script names: a path and,
// behind env, a name.
func (s *start) addInterpreter(head []byte) {
	line, _, _ := bytes.Cut(head[len("#!"):], []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return
	}
	s.add(s.image.Find(words[0]))
	if path.Base(words[0]) == "env" && len(words) > 1 {
		env := Command{path: strings.Split(defaultPath, ":"), dir: "/"}
		s.add(env.find(s.image, words[len(words)-1]))
	}
}

// addLinked adds the loader and the libraries of f.
func (s *start) addLinked(f File, l linkage) {
	if l.interpreter != "" {
		s.add(s.image.Find(l.interpreter))
	}
	origin := path.Dir(f.Path)
	var dirs []string
	for _, dir := range l.search {
		dirs = append(dirs, strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(dir))
	}
	for _, dir := range loaderDirs {
		dirs = append(dirs, strings.ReplaceAll(dir, "triple", triples[l.machine]))
	}
	dirs = append(dirs, origin)
	for _, name := range l.needed {
		if strings.Contains(name, "/") {
			s.add(s.image.Find(name))
			continue
		}
		for _, dir := range dirs {
			if lib, ok := s.image.Find(path.Join(dir, name)); ok {
				s.add(lib, true)
				break
			}
		}
	}
}

// content is a file whose parts are fetched when they are read.
type content struct {
	s *start
	f File
}

func (c content) fetch(off, n int64) error {
	select {
	case c.s.slots <- struct{}{}:
	case <-c.s.ctx.Done():
		return context.Cause(c.s.ctx)
	}
	defer func() { <-c.s.slots }()
	return c.f.Layer.Ahead(c.s.ctx, c.f.Node, off, n)
}

// ReadAt implements [io.ReaderAt].
func (c content) ReadAt(p []byte, off int64) (int, error) {
	_, size := c.f.Layer.Tree().Data(c.f.Node)
	n := int(max(min(int64(len(p)), size-off), 0))
	if n > 0 {
		if err := c.fetch(off, int64(n)); err != nil {
			return 0, err
		}
		if err := c.f.Layer.ReadAt(c.s.ctx, c.f.Node, p[:n], off); err != nil {
			return 0, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
