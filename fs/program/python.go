// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	initModule = "__init__"
	cacheDir   = "__pycache__"
	// pathSuffix is that of a file in a directory of installed modules which Python
	// reads when it starts. Lines of it may be code.
	pathSuffix = ".pth"

	// maxImports is how many names of a module are looked for, and maxModule the
	// length of one in bytes.
	maxImports = 4096
	maxModule  = 255
	// maxRoots is how many directories of modules are looked in.
	maxRoots = 64
	// maxListed and maxTried bound the work of one start: how many names of
	// directories are seen, which are kept in some 200 bytes and their path, so that
	// one with a path of several times longPath bytes counts as often, and how often a
	// module is looked for in one of them. A start that imports scipy and pandas tries
	// 200000 times, with a Python whose instructions are not known a million times.
	maxListed = 1 << 16
	longPath  = 256
	maxTried  = 1 << 22
)

// pythonBoot are the modules that Python imports before its program, and pythonFrozen
// those that it does not read from files since 3.11.
var (
	pythonBoot   = []string{"encodings.aliases", "encodings.utf_8", "sitecustomize"}
	pythonFrozen = []string{"abc", "codecs", "io", "_collections_abc", "_sitebuiltins", "genericpath", "os", "posixpath", "site", "stat"}
)

// isPython says whether a file of that name that begins with head is a Python
// module, source or compiled, or a file of paths.
func isPython(name string, head []byte) bool {
	return strings.HasSuffix(name, ".py") || strings.HasSuffix(name, pathSuffix) || strings.HasSuffix(name, ".pyc") && isCompiled(head)
}

// module is what can be imported by a name from a directory.
type module struct {
	file  File // unless it is a directory
	isDir bool
	rank  int
}

// What Python prefers of the same name, the last first. Compiled modules are
// read instead of the source that they are of.
const (
	rankDir = iota + 1 // without __init__
	rankSource
	rankCompiled
	rankExtension
	rankPackage
)

// modules finds the modules of an image for one start. Its methods are called
// under mu.
type modules struct {
	start *start

	mu     sync.Mutex // guards everything below
	dirs   map[string]map[string]module
	paths  map[string][]File   // files of paths, by directory
	roots  map[string][]string // directories of modules, by that of libraries
	listed int
	tried  int
}

func newModules(s *start) *modules {
	return &modules{start: s, dirs: make(map[string]map[string]module), paths: make(map[string][]File), roots: make(map[string][]string)}
}

// list is [start.list] as long as not too much was listed.
func (m *modules) list(dir string) []named {
	weight := 1 + len(dir)/longPath
	all := m.start.list(dir, (maxListed-m.listed)/weight)
	m.listed += weight * len(all)
	return all
}

// in are what can be imported from directory dir, by name.
func (m *modules) in(dir string) map[string]module {
	if all, ok := m.dirs[dir]; ok {
		return all
	}
	all := make(map[string]module)
	m.dirs[dir] = all
	note := func(name string, found module) {
		if all[name].rank < found.rank {
			all[name] = found
		}
	}
	for _, f := range m.list(dir) {
		stem, kind, _ := strings.Cut(f.name, ".")
		switch {
		case f.isDir && f.name == cacheDir:
			for _, f := range m.list(path.Join(dir, cacheDir)) {
				stem, kind, _ := strings.Cut(f.name, ".")
				if f.isFile && strings.HasSuffix(kind, ".pyc") && !strings.Contains(kind, ".opt-") {
					note(stem, module{file: f.File, rank: rankCompiled})
				}
			}
		case f.isDir:
			note(f.name, module{isDir: true, rank: m.rankDir(f)})
		case !f.isFile:
		case strings.HasSuffix(f.name, pathSuffix):
			m.paths[dir] = append(m.paths[dir], f.File)
		case kind == "py" || kind == "pyc":
			note(stem, module{file: f.File, rank: rankSource})
		case kind == "so" || strings.HasSuffix(kind, ".so"):
			note(stem, module{file: f.File, rank: rankExtension})
		}
	}
	return all
}

// rankDir is the rank of a directory in the topmost layer that has it.
func (m *modules) rankDir(f named) int {
	for _, name := range []string{initModule + ".py", cacheDir} {
		if _, ok := f.Layer.Tree().Lookup(f.Node, name); ok {
			return rankPackage
		}
	}
	return rankDir
}

// find finds the module that name names from directory dir on, or the most of
// it, and calls found with its file and those of the packages that it is in. It
// returns the directory of the last package.
func (m *modules) find(dir, name string, found func(File)) (last string, ok bool) {
	for name != "" {
		var part string
		part, name, _ = strings.Cut(name, ".")
		if m.tried++; m.tried > maxTried {
			return last, ok
		}
		next, known := m.in(dir)[part]
		if !known {
			return last, ok
		}
		ok = true
		if !next.isDir {
			found(next.file)
			return last, true
		}
		dir = path.Join(dir, part)
		last = dir
		if init, known := m.in(dir)[initModule]; known {
			found(init.file)
		}
	}
	return last, ok
}

// searched are the directories where modules are looked for that one in dir
// imports: that, for relative imports the packages around, and those of the
// installation around and of programs in directories bin.
func (m *modules) searched(dir string, bin []string) []string {
	dirs := []string{dir}
	for dir != "/" && len(dirs) < maxRoots {
		if _, ok := m.in(dir)[initModule]; !ok {
			break
		}
		dir = path.Dir(dir)
		dirs = append(dirs, dir)
	}
	if at := strings.LastIndex(dir, "/python3"); at >= 0 {
		dirs = append(dirs, m.installed(dir[:at])...)
	}
	for _, bin := range bin {
		for _, lib := range []string{"../lib", "../lib64"} {
			for _, root := range m.installed(path.Join("/", bin, lib)) {
				if len(dirs) < 2*maxRoots && !slices.Contains(dirs, root) {
					dirs = append(dirs, root)
				}
			}
		}
	}
	return dirs
}

// installed are the directories of modules in a directory of libraries.
func (m *modules) installed(lib string) []string {
	roots, ok := m.roots[lib]
	if ok {
		return roots
	}
	for _, f := range m.list(lib) {
		if f.isDir && strings.HasPrefix(f.name, "python3") && len(roots) < maxRoots {
			for _, below := range []string{"", "lib-dynload", "site-packages", "dist-packages"} {
				roots = append(roots, path.Join(lib, f.name, below))
			}
		}
	}
	m.roots[lib] = roots
	return roots
}

// addPythonBoot adds what the interpreter at a path reads before its program.
func (s *start) addPythonBoot(interpreter string) {
	lib, version := path.Join(path.Dir(interpreter), "../lib"), path.Base(interpreter)
	names := pythonBoot
	if minor, err := strconv.Atoi(strings.TrimPrefix(version, "python3.")); err == nil && minor < 11 {
		names = slices.Concat(names, pythonFrozen)
	}
	s.addImports(path.Join(lib, version), names)
	s.modules.mu.Lock()
	defer s.modules.mu.Unlock()
	for _, root := range s.modules.installed(lib) {
		s.modules.in(root)
		for _, f := range s.modules.paths[root] {
			s.add(f, true)
		}
	}
}

// addModules adds what a Python module imports.
func (s *start) addModules(c content, head []byte) {
	text, err := c.text()
	if err != nil {
		return
	}
	var names []string
	if isCompiled(head) {
		if names, err = compiledNames(text); err != nil {
			return
		}
	} else {
		names = sourceNames(text)
		if strings.HasSuffix(c.f.Path, pathSuffix) {
			names = append(names, calledNames(text)...)
		}
	}
	s.addImports(strings.TrimSuffix(path.Dir(c.f.Path), "/"+cacheDir), names)
}

// addImports adds the modules among names, which a module in directory dir uses.
// A name behind that of a package may be of a module in it: from a import b.
func (s *start) addImports(dir string, names []string) {
	if len(names) == 0 {
		return
	}
	s.modules.mu.Lock()
	defer s.modules.mu.Unlock()
	dirs := s.modules.searched(dir, s.path)
	last := "" // package that was named before
	add := func(f File) { s.add(f, true) }
	for _, name := range names[:min(len(names), maxImports)] {
		if len(name) > maxModule {
			continue
		}
		if s.ctx.Err() != nil {
			return
		}
		if last != "" && !strings.Contains(name, ".") {
			if _, ok := s.modules.find(last, name, add); ok {
				continue
			}
		}
		for _, dir := range dirs {
			if p, ok := s.modules.find(dir, name, add); ok {
				last = p
				break
			}
		}
	}
}
