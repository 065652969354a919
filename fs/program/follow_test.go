// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// files are made of names and contents.
func files(pairs ...string) (all []remotetest.File) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, remotetest.File{Name: pairs[i], Body: pairs[i+1]})
	}
	return all
}

// follows starts config's command and compares what is fetched.
func follows(t *testing.T, config string, want []string, layers ...*fakeLayer) {
	t.Helper()
	var im Image
	for _, l := range layers {
		im = append(im, l)
	}
	Start(t.Context(), im, command(t, config))
	got := names(layers...)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("fetched %s\nwant    %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

func TestPython(t *testing.T) {
	const lib, site = "usr/lib/python3.11/", "usr/local/lib/python3.11/site-packages/"
	lower := files(
		lib+"os.py", "import stat\n", lib+"__pycache__/os.cpython-311.pyc", compiled("stat"),
		lib+"__pycache__/os.cpython-311.opt-1.pyc", compiled("unused"),
		lib+"stat.py", "", lib+"unused.py", "", lib+"lib-dynload/_fast.cpython-311-x86_64-linux-gnu.so", "",
		lib+"json/__init__.py", "from .decoder import Decoder\n", lib+"json/decoder.py", "import _fast\n", lib+"json/tool.py", "")
	upper := files(
		site+"pkg/__init__.py", "from . import a\nfrom .sub.deep import x\n", site+"pkg/a.py", "from pkg import b\nimport pkg\n", site+"pkg/b.py", "",
		site+"pkg/sub/__init__.py", "", site+"pkg/sub/deep.py", "from ... import nothing\nfrom .. import c\n", site+"pkg/c.py", "", site+"pkg/unused.py", "",
		site+"pkg/__main__.py", "import stat\n", site+"space/one/mod.py", "", site+"cycle1.py", "import cycle2\n", site+"cycle2.py", "import cycle1\n",
		"venv/lib/python3.11/site-packages/only.py", "import stat\n",
		"app/main", "#!/usr/bin/python3\nimport os\ndef f():\n  import json\n", "app/local.py", "import only\n",
		"app/hostile", "#!/usr/bin/python3\nimport /etc/secret, ../etc/secret, .., ., a\x00b, os..path, "+strings.Repeat("x.", 300)+"\n", "etc/secret", "")
	os := []string{"1:" + lib + "__pycache__/os.cpython-311.pyc", "1:" + lib + "stat.py"}
	pkg := []string{"0:" + site + "pkg/__init__.py", "0:" + site + "pkg/a.py", "0:" + site + "pkg/b.py", "0:" + site + "pkg/sub/__init__.py",
		"0:" + site + "pkg/sub/deep.py", "0:" + site + "pkg/c.py"}
	for _, c := range []struct {
		name, config string
		want         []string
	}{
		{"compiled before source, functions left out", `{"config":{"Cmd":["/app/main"]}}`, append([]string{"0:app/main"}, os...)},
		{"packages", `{"config":{"Cmd":["python3","-c","x = 1; import pkg"]}}`, pkg},
		{"a package that runs", `{"config":{"Cmd":["python3","-m","pkg"]}}`, append([]string{"0:" + site + "pkg/__main__.py", os[1]}, pkg...)},
		{"a package and an extension", `{"config":{"Cmd":["python3","-m","json.tool"]}}`, []string{"1:" + lib + "json/__init__.py",
			"1:" + lib + "json/decoder.py", "1:" + lib + "json/tool.py", "1:" + lib + "lib-dynload/_fast.cpython-311-x86_64-linux-gnu.so"}},
		{"a directory without __init__", `{"config":{"Cmd":["python3","-c","from space.one import mod"]}}`, []string{"0:" + site + "space/one/mod.py"}},
		{"cycles", `{"config":{"Cmd":["python3","-m","cycle1"]}}`, []string{"0:" + site + "cycle1.py", "0:" + site + "cycle2.py"}},
		{"the working directory", `{"config":{"WorkingDir":"/app","Cmd":["python3","-m","local"]}}`, []string{"0:app/local.py"}},
		{"an environment", `{"config":{"WorkingDir":"/app","Env":["PATH=/venv/bin:/usr/bin"],"Cmd":["python3","-m","local"]}}`,
			[]string{"0:app/local.py", "0:venv/lib/python3.11/site-packages/only.py", os[1]}},
		{"names that are none", `{"config":{"Cmd":["/app/hostile"]}}`, append([]string{"0:app/hostile"}, os...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			follows(t, c.config, c.want, newLayer(t, upper...), newLayer(t, lower...))
		})
	}
}

// TestPythonBoot: what the interpreter reads before its program, with the code in
// files of paths.
func TestPythonBoot(t *testing.T) {
	for version, frozen := range map[string]bool{"python3.10": false, "python3.11": true} {
		lib := "usr/lib/" + version + "/"
		l := newLayer(t, append(files(lib+"encodings/__init__.py", "", lib+"encodings/aliases.py", "", lib+"encodings/utf_8.py", "import codecs\n",
			lib+"encodings/cp037.py", "", lib+"os.py", "", lib+"codecs.py", "", lib+"types.py", "", lib+"importlib/__init__.py", "", lib+"importlib/util.py", "",
			lib+"unused.py", "", lib+"site-packages/a-1.0-nspkg.pth", "import sys, types;x = 1 and __import__('importlib.util'); __import__(x)\n",
			"usr/lib/python3/dist-packages/b.pth", "unused\n", lib+"site-packages/other.txt", "import unused\n"), elfFile("usr/bin/"+version, linkage{}))...)
		want := []string{"0:usr/bin/" + version, "0:" + lib + "codecs.py", "0:" + lib + "encodings/__init__.py", "0:" + lib + "encodings/aliases.py",
			"0:" + lib + "encodings/utf_8.py", "0:" + lib + "importlib/__init__.py", "0:" + lib + "importlib/util.py",
			"0:" + lib + "site-packages/a-1.0-nspkg.pth", "0:" + lib + "types.py", "0:usr/lib/python3/dist-packages/b.pth"}
		if !frozen {
			want = append(want, "0:"+lib+"os.py")
		}
		follows(t, `{"config":{"Cmd":["`+version+`"]}}`, want, l)
	}
}

// TestOrder: what the first import needs, and that needs, comes before the second,
// and what a container reads already before all.
func TestOrder(t *testing.T) {
	const lib = "usr/lib/python3/dist-packages/"
	l := newLayer(t, files("main", "#!/usr/bin/python3\nimport one, two\n", lib+"one/__init__.py", "from . import deep\n", lib+"one/deep.py", "import deeper\n",
		lib+"deeper.py", "import end\n", lib+"end.py", "", lib+"two.py", "import last\n", lib+"last.py", "", lib+"now.py", "import at, once\n", lib+"at.py", "", lib+"once.py", "")...)
	Start(t.Context(), Image{l}, command(t, `{"config":{"Cmd":["/main"]}}`))
	if f, ok := (Image{l}).Find(lib + "now.py"); ok {
		Load(t.Context(), Image{l}, f)
	}
	got := slices.SortedFunc(maps.Keys(l.orders), func(a, b string) int { return cmp.Compare(l.orders[a], l.orders[b]) })
	want := []string{lib + "now.py", lib + "at.py", lib + "once.py", "main", lib + "one/__init__.py", lib + "one/deep.py", lib + "deeper.py", lib + "end.py", lib + "two.py", lib + "last.py"}
	if !slices.Equal(got, want) {
		t.Errorf("fetched in the order %q, want %q", got, want)
	}
}

// TestLoadModule: a module that a container reads leads to what it imports,
// in the installation that it is of.
func TestLoadModule(t *testing.T) {
	const home = "opt/python3.11/lib/python3.11/"
	l := newLayer(t, files(home+"site-packages/a/__pycache__/__init__.cpython-311.pyc", compiled("b", "os"), home+"site-packages/a/b.py", "", home+"os.py", "")...)
	f, ok := Image{l}.Find(home + "site-packages/a/__pycache__/__init__.cpython-311.pyc")
	if !ok || !l.Follow(f.Node) {
		t.Fatal("not there")
	}
	Load(t.Context(), Image{l}, f)
	want := []string{"0:" + home + "os.py", "0:" + home + "site-packages/a/__pycache__/__init__.cpython-311.pyc", "0:" + home + "site-packages/a/b.py"}
	if got := names(l); !slices.Equal(got, want) {
		t.Errorf("fetched %q", got)
	}
}

func TestScriptCommands(t *testing.T) {
	for script, want := range map[string]string{
		"#!/bin/sh\n# cat\nA=1 B=$X ls -l # wc\n":                "ls",
		"cat f|grep x && sed s || awk; (tail)&\n":                "cat grep sed awk tail",
		"x=$(dirname $0) ; y=`basename x`\n":                     "dirname basename",
		". /etc/rc\nsource /etc/rc2\n. relative\n":               "/etc/rc /etc/rc2",
		"if ! test -f x; then exec \"/bin/server\" --flag; fi\n": "/bin/server fi",
		"echo hello; [ -f x ]; $CMD a; *.sh; nohup sort; sort\n": "sort",
		"":                         "",
		strings.Repeat("a", 1<<20): strings.Repeat("a", 1<<20),
	} {
		if got := strings.Join(scriptCommands(script), " "); got != want {
			t.Errorf("%.60q: %.60q, want %.60q", script, got, want)
		}
	}
	var many strings.Builder
	for i := range 1 << 18 {
		fmt.Fprintf(&many, "c%d;", i) // in one line
	}
	if n := len(scriptCommands(many.String())); n != maxCommands {
		t.Errorf("%d commands", n)
	}
}

func TestShell(t *testing.T) {
	l := newLayer(t, append(files("entry", "#!/bin/sh\nid x | cut -f1\nhuge; "+strings.Repeat("../", 1<<16)+"etc/none\n. /etc/rc\n", "etc/rc", "",
		"usr/bin/huge", strings.Repeat("x", maxCommand+1)), elfFile("usr/bin/id", linkage{needed: []string{"libid.so"}}),
		elfFile("usr/bin/cut", linkage{}), elfFile("usr/lib/libid.so", linkage{}), elfFile("bin/sh", linkage{}))...)
	follows(t, `{"config":{"Cmd":["/entry"]}}`, []string{"0:bin/sh", "0:entry", "0:etc/rc", "0:usr/bin/cut", "0:usr/bin/id", "0:usr/lib/libid.so"}, l)
}

func TestRDependencies(t *testing.T) {
	got := attached("Package: p\nDepends: R (>= 3.5),\n methods,\n\tR\nImports: cli\nSuggests: testthat,\n covr\nDependsNot: x\nLinkingTo: ../y\nDepends: ../z, a/b\n")
	if want := []string{"R", "methods"}; !slices.Equal(got, want) {
		t.Errorf("attached %q, want %q", got, want)
	}
	got = imported("# Generated by roxygen2\nS3method(print,a)\nexport(import.it)\nimport(rlang)\nimport( grid, \"b.c\" ,\n  d)\nimportFrom(stats,nls,\n  setNames)\n" +
		"# import(not)\nimportFrom(\"cli\", rule)\nimportMethodsFrom(Matrix,t)\nimportClassesFrom(methods, x)\nif (TRUE) importFrom(utils, head)\nmyimport(no)\nimporter(no)\nimport(e, except = c(\"f\"))\nimportFrom(open")
	if want := []string{"rlang", "grid", "b.c", "d", "stats", "cli", "Matrix", "methods", "utils", "e", "open"}; !slices.Equal(got, want) {
		t.Errorf("imported %q, want %q", got, want)
	}
	var many strings.Builder
	for i := range 1 << 16 {
		fmt.Fprintf(&many, "p%d,", i)
	}
	for name, n := range map[string]int{
		"attached": len(attached("Depends: " + many.String())), "imported": len(imported("import(" + many.String())),
		"unended": len(imported(strings.Repeat("import", maxText/6)+"(")) + maxDependencies,
		"lists":   len(imported(strings.Repeat("import(", maxText/7))) + maxDependencies,
	} {
		if n != maxDependencies {
			t.Errorf("%s: %d packages", name, n)
		}
	}
}

func TestRPackage(t *testing.T) {
	const own, base = "usr/local/lib/R/site-library/", "usr/lib/R/library/"
	upper := newLayer(t, files(own+"a/Meta/package.rds", "", own+"a/R/a.rdb", "", own+"a/R/sub/x", "", own+"a/libs/a.so", "", own+"a/NAMESPACE", "importFrom(c,x)",
		own+"a/DESCRIPTION", "Imports: c, d\nDepends: b\n", own+"a/help/a.rdb", "", own+"b/Meta/package.rds", "", own+"b/DESCRIPTION", "Depends: a\n")...)
	lower := newLayer(t, files(base+"c/Meta/package.rds", "", base+"c/R/c.rdb", "", base+"d/Meta/package.rds", "")...)
	im := Image{upper, lower}
	f, ok := im.Find(own + "a/Meta/package.rds")
	if !ok || !upper.Follow(f.Node) {
		t.Fatal("not there")
	}
	Load(t.Context(), im, f)
	want := []string{"0:" + own + "a/DESCRIPTION", "0:" + own + "a/Meta/package.rds", "0:" + own + "a/NAMESPACE", "0:" + own + "a/R/a.rdb", "0:" + own + "a/libs/a.so",
		"0:" + own + "b/DESCRIPTION", "0:" + own + "b/Meta/package.rds", "1:" + base + "c/Meta/package.rds", "1:" + base + "c/R/c.rdb"}
	if got := names(upper, lower); !slices.Equal(got, want) {
		t.Errorf("fetched %s\nwant    %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// TestR: starting R reads a script, its own packages and those of the program.
func TestR(t *testing.T) {
	const home, site = "usr/lib/R/", "usr/lib/R/site-library/"
	l := newLayer(t, append(files("app/main.R", "library(a); x <- suppressMessages(require(\"b\"))\n# library(commented)\nc::f()\nmylibrary(none)\n",
		home+"bin/R", "#!/bin/sh\n", home+"etc/ldpaths", "", home+"etc/Makeconf", "", home+"library/base/Meta/package.rds", "", home+"library/base/R/base.rdb", "",
		home+"library/utils/Meta/package.rds", "", home+"library/grDevices/Meta/package.rds", "", home+"library/grDevices/libs/grDevices.so", "",
		home+"library/grDevices/libs/cairo.so", "", site+"a/Meta/package.rds", "", site+"a/libs/other.so", "", site+"b/Meta/package.rds", "", site+"c/Meta/package.rds", "",
		site+"commented/Meta/package.rds", "", site+"none/Meta/package.rds", ""),
		elfFile("usr/bin/Rscript", linkage{}), elfFile(home+"bin/exec/R", linkage{}))...)
	follows(t, `{"config":{"Cmd":["Rscript","/app/main.R"]}}`, all("app/main.R", "usr/bin/Rscript", home+"bin/R", home+"bin/exec/R", home+"etc/ldpaths",
		home+"library/base/Meta/package.rds", home+"library/base/R/base.rdb", home+"library/utils/Meta/package.rds", home+"library/grDevices/Meta/package.rds",
		home+"library/grDevices/libs/grDevices.so", site+"a/Meta/package.rds", site+"a/libs/other.so", site+"b/Meta/package.rds", site+"c/Meta/package.rds"), l)
}

// TestJVM: what the launcher loads is fetched whole although it is large, of the
// modules what most programs use. A script that knows JAVA_HOME starts it, with the
// libraries that it names.
func TestJVM(t *testing.T) {
	const size = read.WholeFile + 1
	l := newLayer(t, elfFile("opt/jdk/bin/java", linkage{needed: []string{"libjli.so"}, search: []string{"$ORIGIN/../lib"}}), elfFile("opt/jdk/lib/libjli.so", linkage{}),
		remotetest.File{Name: "opt/jdk/lib/server/libjvm.so", Body: strings.Repeat("x", size)}, remotetest.File{Name: "opt/jdk/lib/jvm.cfg", Body: "-server"},
		remotetest.File{Name: "opt/jdk/lib/other", Body: "x"}, remotetest.File{Name: "opt/jdk/lib/modules", Body: strings.Repeat("x", jvmBase+1)},
		remotetest.File{Name: "usr/bin/java", Link: "../../opt/jdk/bin/java"}, remotetest.File{Name: "bin/sh", Body: "x"},
		remotetest.File{Name: "srv/bin/run.sh", Body: "#!/bin/sh\n. \"$HOME\"/bin/env.sh\nCP=${HOME}/lib/a.jar:/opt/lib/b.jar:$HOME/lib/c.zip\nexec \"$JAVA_HOME\"/bin/java\n"},
		remotetest.File{Name: "srv/bin/env.sh", Body: "x"}, remotetest.File{Name: "srv/lib/a.jar", Body: "x"}, remotetest.File{Name: "srv/lib/c.zip", Body: "x"},
		remotetest.File{Name: "opt/lib/b.jar", Body: "x"}, remotetest.File{Name: "lib/a.jar", Body: "x"})
	machine := []string{"0:opt/jdk/bin/java", "0:opt/jdk/lib/jvm.cfg", "0:opt/jdk/lib/libjli.so", "0:opt/jdk/lib/modules", "0:opt/jdk/lib/server/libjvm.so"}
	follows(t, `{"config":{"Cmd":["/opt/jdk/bin/java"]}}`, machine, l)
	if end := l.fetched["opt/jdk/lib/modules"]; end != jvmBoot {
		t.Errorf("%d bytes of the modules", end)
	}
	if end := l.fetched["opt/jdk/lib/server/libjvm.so"]; end != size {
		t.Errorf("%d bytes of the machine", end)
	}
	clear(l.seen)
	clear(l.fetched)
	application := []string{"0:bin/sh", "0:lib/a.jar", "0:opt/lib/b.jar", "0:srv/bin/env.sh", "0:srv/bin/run.sh", "0:srv/lib/a.jar"}
	follows(t, `{"config":{"Cmd":["/srv/bin/run.sh"]}}`, append(application, machine...), l)
}

// packageOf has n modules, each of which imports ten others and uses names that
// are no modules.
func packageOf(t testing.TB, n int) *fakeLayer {
	all := []remotetest.File{{Name: "usr/lib/python3.11/site-packages/p/__init__.py", Body: "from . import m0\n"}}
	for i := range n {
		uses := []string{"sys", "os.path", "p", "p.missing"}
		for k := range 10 {
			uses = append(uses, fmt.Sprint("m", (10*i+k+1)%n), fmt.Sprint("function", k))
		}
		all = append(all, remotetest.File{Name: fmt.Sprintf("usr/lib/python3.11/site-packages/p/__pycache__/m%d.cpython-311.pyc", i), Body: compiledAs(magicNew, uses...)})
	}
	return newLayer(t, all...)
}

func BenchmarkPackage(b *testing.B) {
	l := packageOf(b, 500)
	c := command(b, `{"config":{"Cmd":["python3","-m","p"]}}`)
	b.ReportAllocs()
	for b.Loop() {
		clear(l.seen)
		clear(l.fetched)
		Start(b.Context(), Image{l}, c)
	}
	if len(l.fetched) != 501 {
		b.Errorf("%d files", len(l.fetched))
	}
}
