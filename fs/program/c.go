// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// cFamily is C and C++: a compiler reads what a source includes, and what that
// includes.
var cFamily = &language{suffixes: []string{".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".ipp"}}

var (
	// cHeaders are where compilers look for headers: those of C++, of the compiler and
	// of everything else; those of C++ for an architecture are in Debian apart, in the
	// official images, Alpine and Fedora among the others.
	cHeaders = &places{[]string{
		"/usr/local/include/c++/*", "/usr/local/include/c++/*/x86_64-*", "/usr/local/include/c++/*/aarch64-*",
		"/usr/include/c++/*", "/usr/include/c++/*/x86_64-*", "/usr/include/c++/*/aarch64-*",
		"/usr/include/x86_64-linux-gnu/c++/*", "/usr/include/aarch64-linux-gnu/c++/*",
		"/usr/local/lib/gcc/*/*/include*", "/usr/lib/gcc/*/*/include*",
		"/usr/local/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu", "/usr/include",
	}}
	// cTools are where the programs are that the command cc runs, and what it links
	// with: its own, and the system's.
	cTools = &places{[]string{
		"/usr/local/libexec/gcc/*/*", "/usr/libexec/gcc/*/*", "/usr/local/lib/gcc/*/*", "/usr/lib/gcc/*/*",
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib64", "/usr/lib64", "/usr/lib",
	}}
	// cBuild are such files, and cxxBuild those of C++ besides. cPrograms are run too.
	cBuild = []string{
		"collect2", "liblto_plugin.so", "Scrt1.o", "crti.o", "crtbegin.o", "crtbeginS.o", "crtend.o", "crtendS.o", "crtn.o",
		"libgcc.a", "libgcc_s.so", "libc.so", "libc_nonshared.a",
	}
	cxxBuild  = []string{"libstdc++.so", "libm.so"}
	cPrograms = []string{"as", "ld"}
	// cDriver is the name of the program that compiles and links, with the system that it
	// is for before and its version behind, and without those of the tools beside it.
	cDriver = regexp.MustCompile(`^(?:.+-)?(gcc|cc|g\+\+|c\+\+)(?:-[\d.]+)?$`)
	// cElsewhere are in conditions that hold for other systems and compilers, or in modes
	// of the C++ library that few use.
	cElsewhere = []string{
		"WIN32", "_WIN64", "WINDOWS", "_MSC_VER", "__APPLE__", "__BORLANDC__", "__CYGWIN__", "__MINGW", "__sun", "__hpux", "_AIX", "__VMS", "__MWERKS__",
		"__IBMCPP__", "__QNX", "_GLIBCXX_DEBUG", "_GLIBCXX_PARALLEL",
	}
)

const (
	// cHeaderDir is in the paths of headers without a suffix.
	cHeaderDir = "/include/c++/"
	// cCompile and cxxCompile are the programs that compile.
	cCompile, cxxCompile = "cc1", "cc1plus"
)

// cInclude is a header that a source includes: by a name in quotes if it is local.
type cInclude struct {
	name  string
	local bool
}

// cIncludes are those of a C or C++ source that may be for this system.
func cIncludes(text string) (all []cInclude) {
	// elsewhere says of each condition that is open whether it, or one around it, holds
	// only on other systems. The first is the file itself.
	elsewhere := []bool{false}
	for line := range strings.Lines(text) {
		if len(all) >= maxNames || len(elsewhere) > maxNames {
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
			elsewhere = append(elsewhere, elsewhere[open] || isElsewhere(line))
		case open > 0 && strings.HasPrefix(line, "elif"):
			elsewhere[open] = elsewhere[open-1] || isElsewhere(strings.TrimPrefix(line, "el"))
		case open > 0 && strings.HasPrefix(line, "else"):
			elsewhere[open] = elsewhere[open-1]
		case open > 0 && strings.HasPrefix(line, "endif"):
			elsewhere = elsewhere[:open]
		case !elsewhere[open]:
			if i, ok := parseInclude(line); ok {
				all = append(all, i)
			}
		}
	}
	return all
}

// isElsewhere says whether a condition, from its if on, holds only on other systems:
// each of its alternatives names one. What holds if it is not another one holds here.
func isElsewhere(condition string) bool {
	if strings.HasPrefix(condition, "ifndef") || strings.Contains(condition, "!") {
		return false
	}
	for alternative := range strings.SplitSeq(condition, "||") {
		if !slices.ContainsFunc(cElsewhere, func(word string) bool { return strings.Contains(alternative, word) }) {
			return false
		}
	}
	return true
}

// parseInclude reads a directive that includes a header by its name, behind the sign.
func parseInclude(line string) (i cInclude, ok bool) {
	rest, ok := strings.CutPrefix(line, "include")
	if !ok {
		return i, false
	}
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "_next"), " \t")
	if strings.HasPrefix(rest, `"`) {
		i.name, ok = quoted(rest)
		i.local = true
		return i, ok
	}
	if rest, ok = strings.CutPrefix(rest, "<"); !ok {
		return i, false // a macro
	}
	i.name, _, ok = strings.Cut(rest, ">")
	return i, ok && i.name != "" && len(i.name) <= maxNamed
}

// isCHeader says whether a file is a header without a suffix, as those of C++ are.
func isCHeader(name string) bool {
	return path.Ext(name) == "" && strings.Contains(name, cHeaderDir)
}

// addC adds the headers that a source includes: one in quotes from beside it, others
// from each directory that has one of that name, as these may include each other.
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
	name := cDriver.FindStringSubmatch(path.Base(driver))
	switch {
	case name == nil:
		return ""
	case strings.HasSuffix(name[1], "++"):
		return cxxCompile
	}
	return cCompile
}

// addCompiler adds what a driver runs, and what that links with.
func (s *start) addCompiler(compiler string) {
	if !s.first("compiler", compiler) {
		return
	}
	names := cBuild
	if compiler == cxxCompile {
		names = slices.Concat(cBuild, cxxBuild)
	}
	for _, dir := range s.among(cTools) {
		if f, ok := s.find(path.Join(dir, compiler)); ok {
			_, size := f.Layer.Tree().Data(f.Node)
			s.begin(f, size) // whole whatever its size: it is used all over
		}
		for _, name := range names {
			s.add(s.find(path.Join(dir, name)))
		}
	}
	programs := Command{path: s.path, dir: "/"}
	for _, name := range cPrograms {
		s.add(programs.find(s, name))
	}
}
