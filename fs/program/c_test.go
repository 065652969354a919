// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// shown are includes as a source has them.
func shown(all []cInclude) string {
	var names []string
	for _, i := range all {
		if i.local {
			names = append(names, `"`+i.name+`"`)
		} else {
			names = append(names, "<"+i.name+">")
		}
	}
	return strings.Join(names, " ")
}

func TestCIncludes(t *testing.T) {
	const windows = "#include <windows.h>\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", ""},
		"brackets and quotes": {"#include <vector>\n#include \"own.h\"\nint x; #include <no>\n", `<vector> "own.h"`},
		"paths":               {"#include <sys/types.h>\n#include \"../a b.h\"\n", `<sys/types.h> "../a b.h"`},
		"a guard":             {"#ifndef A_H\n#define A_H\n#include <a>\n#endif\n#include <b>\n", "<a> <b>"},
		"include_next":        {"#include_next <limits.h>\n#  include_next \"l.h\"\n", `<limits.h> "l.h"`},
		"computed":            {"#include HEADER\n#include X(<a>)\n#include <b>\n", "<b>"},
		"odd spacing":         {" \t# \tinclude\t <a>\r\n#include<b>\n#include\"c\"\n#\tinclude_next<d>", `<a> <b> "c" <d>`},
		"comments":            {"// #include <a>\n/* #include <b> */\n#include <c> // <d>\n#include \"e\" /* \"f\" */\n * #include <g>\n", `<c> "e"`},
		"unterminated":        {"#include <a\n#include \"b\n#include 'c'\n#include <>\n#include \"\"\n#include\n#", ""},
		"other directives":    {"#pragma include <a>\n#define include <b>\n#error #include <c>\n#inclusion <d>\n#import <e>\n", ""},
		"another system":      {"#ifdef _WIN32\n" + windows + "#endif\n#include <a>\n", "<a>"},
		"or else":             {"#if defined(__APPLE__)\n#include <mach.h>\n#else\n#include <a>\n#endif\n", "<a>"},
		"one after another":   {"#ifdef _MSC_VER\n#include <m>\n#elif defined __unix__\n#include <a>\n#elif defined(__sun)\n#include <s>\n#else\n#include <b>\n#endif\n#include <c>", "<a> <b> <c>"},
		"elifdef":             {"#ifdef X\n#elifdef _WIN32\n" + windows + "#elifndef _WIN32\n#include <a>\n#endif\n", "<a>"},
		"not another system":  {"#ifndef _WIN32\n#include <a>\n#endif\n#if !defined(_WIN32)\n#include <b>\n#endif\n# if ! defined __CYGWIN__ && X\n#include <c>\n#endif\n", "<a> <b> <c>"},
		"several systems":     {"#if defined(_WIN32) || defined(_WIN64)\n" + windows + "#endif\n", ""},
		"this one too":        {"#if defined(__hpux) || defined(__linux__)\n#include <a>\n#endif\n#if defined(_AIX) || \\\n  X\n#include <b>\n#endif\n", "<a> <b>"},
		"nested elsewhere":    {"#ifdef _WIN32\n#if X\n" + windows + "#elif Y\n" + windows + "#else\n" + windows + "#endif\n" + windows + "#endif\n#include <a>\n", "<a>"},
		"elsewhere nested":    {"#if X\n#ifdef _WIN32\n" + windows + "#endif\n#include <a>\n#else\n#include <b>\n#endif\n", "<a> <b>"},
		"ends without ifs":    {"#endif\n#else\n#elif defined(_WIN32)\n#include <a>\n#endif\n#include <b>\n", "<a> <b>"},
		"modes":               {"#ifdef _GLIBCXX_DEBUG\n# include <debug/vector>\n#endif\n#ifdef _GLIBCXX_PARALLEL\n# include <parallel/algo.h>\n#endif\n#include <a>", "<a>"},
		"a long name":         {"#include <" + strings.Repeat("a", maxNamed+1) + ">\n#include \"" + strings.Repeat("a", maxNamed+1) + "\"\n#include <b>", "<b>"},
	} {
		if got := shown(cIncludes(c.text)); got != c.want {
			t.Errorf("%s: %.99s, want %s", name, got, c.want)
		}
	}
}

// TestCIsBounded: neither what a source includes nor how deep its conditions are is
// more than a real one's.
func TestCIsBounded(t *testing.T) {
	var many strings.Builder
	for i := range 2 * maxNames {
		fmt.Fprintf(&many, "#include <h%d>\n", i)
	}
	if n := len(cIncludes(many.String())); n != maxNames {
		t.Errorf("%d includes", n)
	}
	conditions := func(n int) string { return strings.Repeat("#if X\n", n) + "#include <a>\n" }
	if got := shown(cIncludes(conditions(maxNames-1) + "#include <b>\n")); got != "<a> <b>" {
		t.Errorf("in many conditions: %q", got)
	}
	if n := allocated(func() { cIncludes(conditions(maxText / 8)) }); n > 2*maxText { // with the text
		t.Errorf("%d bytes for conditions", n)
	}
	s := newStart(t.Context(), Image{newLayer(t, files("usr/include/h1", "")...)}, nil, expected)
	s.addC(File{Path: "/main.c"}, many.String())
	if n := s.finds.Load(); n < maxNames || len(s.looked) != maxNames || s.files != 1 {
		t.Errorf("%d finds, %d names, %d files", n, len(s.looked), s.files)
	}
	s.work.Wait()
	s = newStart(t.Context(), s.image, nil, expected)
	s.finds.Store(maxFinds)
	s.addC(File{Path: "/main.c"}, many.String())
	if n := s.finds.Load(); n != maxFinds || len(s.looked) > 0 {
		t.Errorf("went on to look for %d, %d names", n-maxFinds, len(s.looked))
	}
}

func TestCCompiler(t *testing.T) {
	for driver, want := range map[string]string{
		"/usr/bin/gcc": "cc1", "/usr/bin/cc": "cc1", "/usr/bin/gcc-12": "cc1", "/usr/bin/x86_64-linux-gnu-gcc-13.2": "cc1",
		"/usr/local/bin/g++": "cc1plus", "/usr/bin/c++": "cc1plus", "/usr/bin/aarch64-alpine-linux-musl-g++": "cc1plus", "/usr/bin/x86_64-linux-gnu-g++-12": "cc1plus",
		"/usr/bin/gcc-ar-12": "", "/usr/bin/x86_64-linux-gnu-gcc-nm": "", "/usr/bin/c++filt": "", "/usr/lib/libgcc_s.so.1": "", "/usr/bin/cc1": "", "/usr/bin/tcc": "",
		"/gcc/bin/tool": "", "/usr/lib/gcc/x86_64-linux-gnu/12/g++-mapper-server": "",
	} {
		if got := cCompiler(driver); got != want {
			t.Errorf("%s: %q, want %q", driver, got, want)
		}
	}
}

// TestCFiles: which files are sources, or headers.
func TestCFiles(t *testing.T) {
	for name, want := range map[string]*language{
		"/app/main.cpp": cFamily, "/app/a.c": cFamily, "/usr/include/stdio.h": cFamily, "/usr/include/boost/x.ipp": cFamily,
		"/usr/include/c++/12/vector": cFamily, "/usr/lib/llvm-14/include/c++/v1/vector": cFamily, "/srv/c++/vector": nil, "/app/main.go": golang, "/app/main.o": nil,
	} {
		if got := languageOf(name, []byte("text")); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := languageOf("/usr/include/c++/12/tool", []byte("#!/usr/bin/perl\n")); got != perl {
		t.Errorf("a script beside headers: %v", got)
	}
	if !Is("main.cc", nil) || !Is("a.h", nil) || Is("vector", nil) {
		t.Error("sources are not followed by their names")
	}
}

// TestC: a compiler reads the source, what that includes, and runs the programs of its
// installation.
func TestC(t *testing.T) {
	const cxx, own, arch = "usr/include/c++/12/", "usr/lib/gcc/x86_64-linux-gnu/12/", "usr/include/x86_64-linux-gnu/"
	const size = read.WholeFile + 1
	compiler := remotetest.File{Name: own + "cc1plus", Body: strings.Repeat("x", size)}
	l := newLayer(t, append(files(
		"app/main.cpp", "#include <vector>\n#include \"own.hpp\"\n#ifdef _WIN32\n#include <windows.h>\n#else\n#include <unistd.h>\n#endif\n#include MACRO\n",
		"app/own.hpp", "#include \"sub/deep.h\"\n#include <app.h>\n#include \"system.h\"\n", "app/sub/deep.h", "#include \"deep2.h\"\n", "app/sub/deep2.h", "",
		"app/deep2.h", "", "app/app.h", "", "app/unused.h", "",
		cxx+"vector", "#include <bits/c++config.h>\n#include <bits/stl_vector.h>\n#include <limits.h>\n", cxx+"bits/stl_vector.h", "#include <initializer_list>\n", cxx+"initializer_list", "",
		cxx+"map", "", cxx+"windows.h", "", arch+"c++/12/bits/c++config.h", "",
		own+"include/limits.h", "#include_next <limits.h>\n", own+"include-fixed/limits.h", "", own+"include/stddef.h", "", "usr/include/limits.h", "#include <bits/local_lim.h>\n", arch+"bits/local_lim.h", "",
		"usr/include/unistd.h", "", "usr/include/windows.h", "", "usr/include/system.h", "", "usr/include/stdio.h", "",
		own+"collect2", "", own+"cc1", "", own+"crtbegin.o", "", own+"crtbeginS.o", "", own+"crtbeginT.o", "", own+"crtendS.o", "", own+"libgcc.a", "", own+"libasan.a", "",
		"usr/lib/x86_64-linux-gnu/Scrt1.o", "", "usr/lib/x86_64-linux-gnu/crti.o", "", "usr/lib/x86_64-linux-gnu/gcrt1.o", "", "usr/lib/x86_64-linux-gnu/libc.so", "",
		"usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", ""),
		elfFile("usr/bin/x86_64-linux-gnu-g++-12", linkage{}), elfFile("usr/bin/x86_64-linux-gnu-ld.bfd", linkage{}), elfFile("usr/bin/as", linkage{}), elfFile("usr/bin/nm", linkage{}),
		remotetest.File{Name: "usr/bin/g++", Link: "x86_64-linux-gnu-g++-12"}, remotetest.File{Name: "usr/bin/ld", Link: "x86_64-linux-gnu-ld.bfd"},
		remotetest.File{Name: own + "libstdc++.so", Link: "../../../x86_64-linux-gnu/libstdc++.so.6.0.30"}, compiler)...)
	want := all("app/main.cpp", "app/own.hpp", "app/sub/deep.h", "app/sub/deep2.h", cxx+"vector", cxx+"bits/stl_vector.h", cxx+"initializer_list", arch+"c++/12/bits/c++config.h",
		own+"include/limits.h", own+"include-fixed/limits.h", "usr/include/limits.h", arch+"bits/local_lim.h", "usr/include/unistd.h", "usr/include/system.h",
		own+"collect2", own+"crtbegin.o", own+"crtbeginS.o", own+"crtendS.o", own+"libgcc.a", own+"cc1plus", "usr/lib/x86_64-linux-gnu/Scrt1.o", "usr/lib/x86_64-linux-gnu/crti.o",
		"usr/lib/x86_64-linux-gnu/libc.so", "usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", "usr/bin/x86_64-linux-gnu-g++-12", "usr/bin/x86_64-linux-gnu-ld.bfd", "usr/bin/as")
	follows(t, `{"config":{"Cmd":["g++","/app/main.cpp"]}}`, want, l)
	if end := l.fetched[own+"cc1plus"]; end != size {
		t.Errorf("%d bytes of the compiler", end)
	}
}

// TestCOfImages: where official images, Alpine and Fedora have what C needs, which
// compiles without C++.
func TestCOfImages(t *testing.T) {
	const local, alpine, fedora = "usr/local/include/c++/13.2.0/", "usr/include/c++/13.2.1/x86_64-alpine-linux-musl/", "usr/include/c++/14/aarch64-redhat-linux/"
	const libexec = "usr/local/libexec/gcc/x86_64-linux-gnu/13.2.0/"
	source := "#include <bits/a.h>\n#include <b.h>\n"
	l := newLayer(t, append(files("app/main.c", source, local+"x86_64-linux-gnu/bits/a.h", "", local+"bits/b.h", "", alpine+"bits/a.h", "", fedora+"bits/a.h", "", "usr/local/include/b.h", "",
		libexec+"cc1", "", libexec+"cc1plus", "", "usr/local/lib/gcc/x86_64-linux-gnu/13.2.0/libgcc.a", "", "usr/local/lib64/libstdc++.so", "", "usr/local/lib64/libgcc_s.so", "", "usr/lib64/crtn.o", ""),
		elfFile("usr/local/bin/gcc", linkage{}))...)
	follows(t, `{"config":{"Cmd":["gcc","-O2","/app/main.c"]}}`, all("app/main.c", local+"x86_64-linux-gnu/bits/a.h", alpine+"bits/a.h", fedora+"bits/a.h", "usr/local/include/b.h",
		"usr/local/bin/gcc", libexec+"cc1", "usr/local/lib/gcc/x86_64-linux-gnu/13.2.0/libgcc.a", "usr/local/lib64/libgcc_s.so", "usr/lib64/crtn.o"), l)
}
