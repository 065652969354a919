// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

// golang has sources that the go command reads: all of the files of a package, to
// see what that imports.
var golang = &language{suffixes: []string{goSuffix}}

const goSuffix = ".go"

var (
	// goSources, goArchives and goTools are where the sources of the standard
	// library, its compiled packages before Go 1.20, and the tools are: official
	// images, Debian, and Alpine and Fedora.
	goSources  = &places{[]string{"/usr/local/go/src", "/usr/share/go-*/src", "/usr/lib/go-*/src", "/usr/lib/go/src", "/usr/lib/golang/src"}}
	goArchives = &places{[]string{"/usr/local/go/pkg/*", "/usr/lib/go-*/pkg/*", "/usr/lib/go/pkg/*", "/usr/lib/golang/pkg/*"}}
	goTools    = &places{[]string{"/usr/local/go/pkg/tool/*", "/usr/lib/go-*/pkg/tool/*", "/usr/lib/go/pkg/tool/*", "/usr/lib/golang/pkg/tool/*"}}
	// goFiles are the sources of a package.
	goFiles = []string{goSuffix, ".s", ".h"}
	// goBuild are the tools that build a program, and goRuntime what is part of each.
	goBuild   = []string{"compile", "asm", "link"}
	goRuntime = "runtime"
	// goSystems are systems that names of sources end in which are not for this one.
	goSystems = []string{"test", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos", "aix", "plan9", "js", "wasip1", "ios", "android", "zos"}
)

// goNames are the packages that a Go source imports.
func goNames(text string) (names []string) {
	inBlock := false
	for line := range strings.Lines(text) {
		if len(names) >= maxNames {
			break
		}
		line = strings.TrimSpace(line)
		rest, isImport := strings.CutPrefix(line, "import")
		switch {
		case strings.HasPrefix(line, "//go:build ignore"):
			return nil
		case inBlock && strings.HasPrefix(line, ")"):
			inBlock = false
			continue
		case isImport && strings.HasPrefix(strings.TrimSpace(rest), "("):
			inBlock = true
			continue
		case strings.HasPrefix(line, "func ") || strings.HasPrefix(line, "type ") || strings.HasPrefix(line, "var ") || strings.HasPrefix(line, "const "):
			return names
		case !inBlock && !isImport:
			continue
		}
		if at := strings.IndexByte(line, '"'); at >= 0 && !strings.HasPrefix(line, "//") {
			if name, ok := quoted(line[at:]); ok && name != "C" {
				names = append(names, name)
			}
		}
	}
	return names
}

// isForGo says whether what a source imports is needed to build for Linux, by the
// name of the file.
func isForGo(name string) bool {
	stem := strings.TrimSuffix(path.Base(name), goSuffix)
	return !slices.ContainsFunc(strings.Split(stem, "_")[1:], func(part string) bool { return slices.Contains(goSystems, part) })
}

// addGo adds the packages of the standard library that f imports.
func (s *start) addGo(f File, text string) {
	if !isForGo(f.Path) {
		return
	}
	for _, name := range append(goNames(text), goRuntime) {
		s.addGoPackage(name)
	}
	if s.first("go", "tools") {
		for _, dir := range s.among(goTools) {
			for _, name := range goBuild {
				s.addFirst(path.Join(dir, name))
			}
		}
	}
}

// addGoPackage adds the sources of a package of the standard library, and what was
// compiled of it.
func (s *start) addGoPackage(name string) {
	if s.over() || !s.first("go", name) {
		return
	}
	for _, root := range s.among(goSources) {
		for _, below := range []string{"", "vendor"} {
			for _, f := range s.list(path.Join(root, below, name), maxListedDirs) {
				s.add(f.File, f.isFile && slices.Contains(goFiles, path.Ext(f.name)))
			}
		}
	}
	for _, root := range s.among(goArchives) {
		s.addFirst(path.Join(root, name+".a"))
	}
}
