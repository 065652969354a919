// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

// clang is C and C++: a compiler reads what a source includes, and what that
// includes.
var clang = &language{suffixes: []string{".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".ipp"}}

var (
	// cHeaders are where compilers look for headers: those of C++, of the compiler and
	// of everything else.
	cHeaders = &places{[]string{
		"/usr/local/include/c++/*", "/usr/local/include/c++/*/*", "/usr/include/c++/*", "/usr/include/*/c++/*", "/usr/include/c++/*/*-linux-gnu",
		"/usr/local/lib/gcc/*/*/include", "/usr/lib/gcc/*/*/include",
		"/usr/local/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu", "/usr/include",
	}}
	// cTools are where the programs are that the command cc runs, and what it links
	// with.
	cTools = &places{[]string{"/usr/local/libexec/gcc/*/*", "/usr/libexec/gcc/*/*", "/usr/local/lib/gcc/*/*", "/usr/lib/gcc/*/*"}}
	// cBuild are such files.
	cBuild = []string{"collect2", "liblto_plugin.so", "crtbegin.o", "crtbeginS.o", "crtend.o", "crtendS.o", "libgcc.a", "libgcc_s.so"}
	// cPrograms are run too.
	cPrograms = []string{"as", "ld"}
	// cElsewhere are in conditions that hold for other systems and compilers.
	cElsewhere = []string{"WIN32", "_WIN64", "WINDOWS", "_MSC_VER", "__APPLE__", "__BORLANDC__", "__CYGWIN__", "__MINGW", "__sun", "__hpux", "_AIX", "__VMS", "__MWERKS__", "__IBMCPP__", "__QNX"}
)

// cHeaderDir is in the paths of headers without a suffix.
const cHeaderDir = "/c++/"

// cInclude is a header that a source includes: by a name in quotes if it is local.
type cInclude struct {
	name  string
	local bool
}

// cIncludes are those of a C or C++ source that may be for this system.
func cIncludes(text string) (all []cInclude) {
	var elsewhere []bool // by open condition
	for line := range strings.Lines(text) {
		if len(all) >= maxNames {
			break
		}
		line, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "#")
		if !ok {
			continue
		}
		line = strings.TrimSpace(line)
		open := len(elsewhere) - 1
		switch {
		case strings.HasPrefix(line, "if"):
			if len(elsewhere) >= maxNames {
				return all
			}
			elsewhere = append(elsewhere, isElsewhere(line))
		case open >= 0 && strings.HasPrefix(line, "elif"):
			elsewhere[open] = isElsewhere(line)
		case open >= 0 && strings.HasPrefix(line, "else"):
			elsewhere[open] = false
		case open >= 0 && strings.HasPrefix(line, "endif"):
			elsewhere = elsewhere[:open]
		case strings.HasPrefix(line, "include") && !slices.Contains(elsewhere, true):
			if i, ok := parseInclude(line); ok {
				all = append(all, i)
			}
		}
	}
	return all
}

// isElsewhere says whether a condition holds only on other systems.
func isElsewhere(condition string) bool {
	return !strings.HasPrefix(condition, "ifndef") && !strings.Contains(condition, "!") &&
		slices.ContainsFunc(cElsewhere, func(word string) bool { return strings.Contains(condition, word) })
}

// parseInclude reads what follows the sign of a directive that includes.
func parseInclude(line string) (i cInclude, ok bool) {
	rest := strings.TrimPrefix(strings.TrimPrefix(line, "include"), "_next")
	rest = strings.TrimLeft(rest, " \t")
	if i.name, i.local = quoted(rest); i.local {
		return i, true
	}
	rest, ok = strings.CutPrefix(rest, "<")
	i.name, _, _ = strings.Cut(rest, ">")
	return i, ok && i.name != "" && len(i.name) <= maxNamed
}

// isCHeader says whether a file is a header without a suffix.
func isCHeader(name string) bool {
	return path.Ext(name) == "" && strings.Contains(name, cHeaderDir)
}

// addC adds the headers that a source includes. One of the same name in each
// directory, as they may include each other.
func (s *start) addC(f File, text string) {
	for _, i := range cIncludes(text) {
		if s.over() {
			return
		}
		if i.local && s.addFirst(path.Join(path.Dir(f.Path), i.name)) {
			continue
		}
		if !s.first("include", i.name) {
			continue
		}
		for _, dir := range s.among(cHeaders) {
			s.add(s.find(path.Join(dir, i.name)))
		}
	}
}

// cCompiler is the program that compiles for driver, which is run as cc or c++ and the
// like; "" for other programs.
func cCompiler(driver string) string {
	for _, part := range strings.Split(path.Base(driver), "-") {
		switch part {
		case "gcc", "cc":
			return "cc1"
		case "g++", "c++":
			return "cc1plus"
		}
	}
	return ""
}

// addCompiler adds what a driver runs, and what that links with.
func (s *start) addCompiler(compiler string) {
	if !s.first("compiler", compiler) {
		return
	}
	for _, dir := range s.among(cTools) {
		if f, ok := s.find(path.Join(dir, compiler)); ok {
			_, size := f.Layer.Tree().Data(f.Node)
			s.begin(f, size) // it is used all over
		}
		for _, name := range cBuild {
			s.add(s.find(path.Join(dir, name)))
		}
	}
	programs := Command{path: s.path, dir: "/"}
	for _, name := range cPrograms {
		s.add(programs.find(s.image, name))
	}
}
