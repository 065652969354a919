// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
)

const (
	// headBytes is how much is fetched of a file too large to fetch whole, and
	// read to see what it is.
	headBytes = 4 << 10
	// maxFiles and maxBytes bound what one start fetches: files, the parts of large
	// ones among them, and bytes.
	maxFiles = 4096
	maxBytes = 256 << 20
	// maxText is how much of a script or a module is read to see what it needs.
	maxText = 4 << 20
	// maxCommand is the size of a program up to which it is fetched because a
	// script has its name: what a script can run is more than what it runs.
	maxCommand = 2 << 20
	// parallelFetches is how many files are fetched at a time, which become far
	// fewer requests where they are neighbours, and parallelTexts how many are read.
	parallelFetches, parallelTexts = 64, 8
	// maxFinds bounds how many paths of one start are looked for: a hostile layer
	// could have a thousand times as many as real ones.
	maxFinds = 1 << 20
	// maxLooked is how many names are known to have been looked for.
	maxLooked = 1 << 16
)

var errTooLarge = errors.New("too large to see what it needs")

// runtimeFiles are read by container runtimes and the C library at every
// start.
var runtimeFiles = []string{"/etc/passwd", "/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/localtime"}

// Is says whether a file of that name in its directory, which begins with head,
// may be of a kind that other files are needed with.
func Is(name string, head []byte) bool {
	return isELF(head) || isScript(head) || isPython(name, head) || isJar(name, head) || languageOf(name, head) != nil || isBeam(name) || name == packageFile || name == nodePackage
}

func isELF(head []byte) bool { return bytes.HasPrefix(head, []byte(elf.ELFMAG)) }

func isScript(head []byte) bool { return bytes.HasPrefix(head, []byte("#!")) }

// Start fetches what running c in a container of im reads, and returns when
// that is here, or ctx has ended. What cannot be fetched is left to the reader
// who needs it.
func Start(ctx context.Context, im Image, c Command) {
	s := newStart(ctx, im, c.path, expected)
	for _, name := range runtimeFiles {
		s.add(s.find(name))
	}
	for _, word := range c.words {
		s.add(c.find(s, word))
	}
	s.addLocale(c.locale)
	s.work.Wait()
	s.release()
	s.addImports(c.dir, c.modules)
	s.work.Wait()
}

// Load is Start for a file that a container reads now, and that was followed
// for the first time.
func Load(ctx context.Context, im Image, f File) {
	s := newStart(ctx, im, splitPath(defaultPath), reading)
	s.release()
	s.work.Go(func() { s.load(f, s.size(f)) })
	s.work.Wait()
}

// start is one start, or a file of it that needs others.
type start struct {
	*shared
	order  order
	needed atomic.Uint32 // files that it needs, so far
}

// shared is what all files of a start have in common: what it fetches.
type shared struct {
	ctx   context.Context
	image Image
	path  []string // directories of programs
	work  sync.WaitGroup
	// slots are for fetches, texts for files that are read to see what they need:
	// these are in memory. Who has one of texts may take one of slots, not the
	// other way round.
	slots, texts *fetch.Turns
	modules      *modules
	finds        atomic.Int64

	rootsMu sync.Mutex // guards roots
	roots   map[*places][]string

	mu       sync.Mutex // guards everything below
	files    int        // and parts
	bytes    int64
	released bool
	held     []func()
	looked   map[[2]string]bool // see first
}

func newStart(ctx context.Context, im Image, path []string, o order) *start {
	s := &start{order: o, shared: &shared{
		ctx: ctx, image: im, path: path, roots: make(map[*places][]string), looked: make(map[[2]string]bool),
		slots: fetch.NewTurns(parallelFetches), texts: fetch.NewTurns(parallelTexts),
	}}
	s.modules = newModules(s)
	return s
}

// need is the next file that s needs.
func (s *start) need() *start {
	return &start{shared: s.shared, order: s.order.below(s.needed.Add(1))}
}

// inOrder is the context of what is done for s.
func (s *start) inOrder() context.Context { return fetch.WithOrder(s.ctx, string(s.order)) }

// later runs do when what is linked is here: that is read first, and modules are
// so many that it would come late among them.
func (s *start) later(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released {
		s.held = append(s.held, do)
		return
	}
	s.work.Go(do)
}

// release runs what was held back, and nothing is from now on.
func (s *start) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = true
	for _, do := range s.held {
		s.work.Go(do)
	}
	s.held = nil
}

// first says whether it is called for what of a kind the first time. Once it was
// for maxLooked, nothing is the first any more.
func (s *start) first(kind, what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked[[2]string{kind, what}] || len(s.looked) >= maxLooked {
		return false
	}
	s.looked[[2]string{kind, strings.Clone(what)}] = true // without the text that it is a part of
	return true
}

// over says whether nothing is looked for any more.
func (s *start) over() bool { return s.ctx.Err() != nil || s.finds.Load() >= maxFinds }

// find is [Image.Find] as long as the start goes on and not too much was looked
// for.
func (s *start) find(name string) (File, bool) {
	if s.over() {
		return File{}, false
	}
	s.finds.Add(1)
	return s.image.Find(name)
}

// add fetches f, unless it was fetched before or is too much, and then what it
// needs. Of a file that is too large to fetch whole it fetches the beginning.
func (s *start) add(f File, ok bool) {
	if ok {
		s.begin(f, s.size(f))
	}
}

// size is how much is fetched of f: a Java library is read all over.
func (s *start) size(f File) int64 {
	_, size := f.Layer.Tree().Data(f.Node)
	if size > read.WholeFile && (size > maxJarBytes || path.Ext(f.Path) != jarSuffix) {
		return headBytes
	}
	return size
}

// begin fetches the first n bytes of f, unless it was followed before, and then
// what f needs.
func (s *start) begin(f File, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || s.files >= maxFiles || s.bytes+n > maxBytes || !f.Layer.Follow(f.Node) {
		return
	}
	s.files++
	s.bytes += n
	need := s.need()
	s.work.Go(func() { need.load(f, n) })
}

// addPart fetches bytes [from, to) of a file, unless that is too much.
func (s *start) addPart(c content, from, to int64) {
	n := to - from
	s.mu.Lock()
	defer s.mu.Unlock()
	if n <= 0 || s.ctx.Err() != nil || s.files >= maxFiles || s.bytes+n > maxBytes {
		return
	}
	s.files++
	s.bytes += n
	s.work.Go(func() { _ = c.fetch(from, n) })
}

// load fetches the first n bytes of f and adds what f needs.
func (s *start) load(f File, n int64) {
	c := content{s, f}
	head := make([]byte, min(n, headBytes))
	if c.fetch(0, n) != nil || f.Layer.ReadAt(s.ctx, f.Node, head, 0) != nil {
		return
	}
	if isScript(head) {
		s.look(func() { s.addScript(c, head) })
	}
	switch l := languageOf(f.Path, head); {
	case isELF(head):
		s.look(func() { s.addLinked(c, n) })
	case l != nil:
		s.later(func() { s.look(func() { s.addSource(c, l) }) })
	case path.Base(f.Path) == nodePackage:
		s.later(func() { s.look(func() { s.addMain(c) }) })
	case isPython(f.Path, head):
		s.later(func() { s.look(func() { s.addModules(c, head) }) })
	case isJar(f.Path, head):
		s.later(func() { s.look(func() { s.addJars(f) }) })
	case isBeam(f.Path):
		s.addEbin(path.Dir(f.Path))
	case isRPackage(f.Path):
		s.later(func() { s.look(func() { s.addRPackage(f) }) })
	}
}

// look runs do, which looks at what a file needs.
func (s *start) look(do func()) {
	if s.texts.Take(s.inOrder()) {
		defer s.texts.Give()
		do()
	}
}

// addLinked adds the loader and the libraries of an ELF file, of which the first
// n bytes are here, and what of the rest is read when it is loaded.
func (s *start) addLinked(c content, n int64) {
	l, err := readLinkage(c)
	if err != nil {
		return
	}
	_, size := c.f.Layer.Tree().Data(c.f.Node)
	for _, p := range l.loaded(size) {
		s.addPart(c, max(p.off, n), p.off+p.n)
	}
	compiler := cCompiler(c.f.Path)
	switch {
	case path.Base(c.f.Path) == jvmLauncher:
		s.addJVM(path.Dir(c.f.Path))
	case isInterpreter(c.f.Path, "ruby"):
		s.later(s.addRubyBoot)
	case isInterpreter(c.f.Path, "node"):
		s.later(s.addNodeBoot)
	case isInterpreter(c.f.Path, "php"):
		s.addLocale(utf8Locale)
		s.later(s.addPHP)
	case isR(c.f.Path):
		s.later(s.addRBoot)
	case isInterpreter(c.f.Path, "python3"):
		s.addLocale(utf8Locale)
		s.later(func() { s.addPythonBoot(c.f.Path) })
	case compiler != "":
		s.addCompiler(compiler)
	}
	if l.interpreter != "" {
		s.add(s.find(l.interpreter))
	}
	dirs := l.searched(path.Dir(c.f.Path))
	for _, name := range l.needed {
		if s.over() {
			return
		}
		if strings.Contains(name, "/") {
			s.add(s.find(name))
			continue
		}
		for _, dir := range dirs {
			if lib, ok := s.find(path.Join(dir, name)); ok {
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
	ctx := c.s.inOrder()
	if !c.s.slots.Take(ctx) {
		return context.Cause(ctx)
	}
	defer c.s.slots.Give()
	return c.f.Layer.Ahead(ctx, c.f.Node, off, n)
}

// text is the whole of a small file.
func (c content) text() (string, error) {
	_, size := c.f.Layer.Tree().Data(c.f.Node)
	if size > maxText {
		return "", errTooLarge
	}
	b := make([]byte, size)
	_, err := c.ReadAt(b, 0)
	return string(b), err
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
