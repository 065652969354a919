// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"slices"
	"strings"
	"testing"
)

func TestPerlNames(t *testing.T) {
	for text, want := range map[string]string{
		"use strict;\nuse warnings qw(FATAL all);\nuse 5.010;\nuse v5.36;\n":                  "strict warnings v5",
		"  use List::Util 'max';\nrequire Carp;\n  require Later;\nrequire \"file.pl\";\n":    "List::Util Carp file",
		"use parent -norequire, 'My::Base';\nuse base qw(A B::C);\nuse Mojo::Base 'D', -x;\n": "parent norequire My::Base base qw A B::C Mojo::Base D x",
		"=head1 use Pod;\n\nuse Doc;\n\n=cut\nuse Code;\n":                                    "Code",
		"use A;\n__END__\nuse B;\n":                  "A",
		"use parent 'A', 2;\nuse 5 parent;\n":        "parent A 2",
		"used;\nuser x;\n# use C;\nmy $x = use D;\n": "",
		"=pod":            "",
		"use ;\nuse ::\n": "::",
	} {
		if got := strings.Join(perlNames(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestRubyNames(t *testing.T) {
	const text = `# require 'comment'
require 'json'
require "rack/utils"
require_relative 'lib/own'
  require('optparse')
    require 'later'
require name
require "a#{b}"
required 'x'
begin
  require "extension"
rescue LoadError
end
`
	files, features := rubyNames(text)
	if want := []string{"json", "rack/utils", "optparse", "extension"}; !slices.Equal(features, want) {
		t.Errorf("features %q, want %q", features, want)
	}
	if want := []string{"lib/own"}; !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
}

func TestNodeNames(t *testing.T) {
	const text = `const a = require('a'), b = require("./b");
import c from 'c';
import "d";
import { e } from "@scope/e/sub";
  , f = require( 'f')
export * from './g';
function later() {
    return require('later');
}
const x = require(name); const from = 'not';
`
	if got, want := nodeNames(text), []string{"a", "./b", "c", "d", "@scope/e/sub", "f", "./g"}; !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("%q, want %q", got, want)
	}
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

func TestExported(t *testing.T) {
	for exports, want := range map[string]string{
		``: "", `"./x.js"`: "./x.js", `{"import":"./x.mjs","require":"./x.cjs"}`: "./x.cjs",
		`{".":{"node":{"import":"./n.mjs"},"default":"./d.js"}}`: "./n.mjs", `{"./sub":"./s.js"}`: "", `[1]`: "", `{".":{".":`: "",
		strings.Repeat(`{".":`, 20) + `"deep"` + strings.Repeat("}", 20): "",
	} {
		if got := exported([]byte(exports), maxConditions); got != want {
			t.Errorf("%.60s: %q, want %q", exports, got, want)
		}
	}
}

// all is each file as names has it.
func all(names ...string) (want []string) {
	for _, name := range names {
		want = append(want, "0:"+name)
	}
	return want
}

func TestPerl(t *testing.T) {
	const core, arch = "usr/share/perl/5.36.0/", "usr/lib/x86_64-linux-gnu/perl/5.36.0/"
	l := files("app/run.pl", "use lib 'x';\nuse Local::Mod;\nuse File::Spec;\n", "app/lib/Local/Mod.pm", "use Storable;\n",
		core+"File/Spec.pm", "require Cwd;\nuse Carp;\n", core+"Carp.pm", "", core+"Unused.pm", "",
		arch+"Cwd.pm", "", arch+"auto/Cwd/Cwd.so", "", arch+"auto/Unused/Unused.so", "", arch+"Storable.pm", "", arch+"auto/Storable/Storable.so", "",
		"usr/share/perl5/Carp.pm", "")
	follows(t, `{"config":{"Cmd":["perl","/app/run.pl"]}}`, all("app/run.pl", "app/lib/Local/Mod.pm", core+"File/Spec.pm", "usr/share/perl5/Carp.pm",
		arch+"Cwd.pm", arch+"auto/Cwd/Cwd.so", arch+"Storable.pm", arch+"auto/Storable/Storable.so"), newLayer(t, l...))
}

func TestRuby(t *testing.T) {
	const lib, arch, gems = "usr/lib/ruby/3.1.0/", "usr/lib/x86_64-linux-gnu/ruby/3.1.0/", "var/lib/gems/3.1.0/"
	l := append(files("app/main.rb", "require 'json'\nrequire_relative 'lib/own'\nrequire 'gem'\n", "app/lib/own.rb", "",
		lib+"json.rb", "require 'json/ext'\n", lib+"json/ext.rb", "require 'json/parser'\n", arch+"json/parser.so", "", lib+"unused.rb", "",
		gems+"gems/gem-1.0/lib/gem.rb", "require 'gem/gem'\n", gems+"extensions/x86_64-linux/3.1.0/gem-1.0/gem/gem.so", "",
		gems+"specifications/gem-1.0.gemspec", "", gems+"specifications/other", "",
		arch+"enc/encdb.so", "", arch+"rbconfig.rb", "", "usr/lib/ruby/vendor_ruby/rubygems.rb", ""),
		elfFile("usr/bin/ruby3.1", linkage{}))
	follows(t, `{"config":{"Cmd":["ruby3.1","/app/main.rb"]}}`, all("app/main.rb", "app/lib/own.rb", lib+"json.rb", lib+"json/ext.rb", arch+"json/parser.so",
		gems+"gems/gem-1.0/lib/gem.rb", gems+"extensions/x86_64-linux/3.1.0/gem-1.0/gem/gem.so", gems+"specifications/gem-1.0.gemspec",
		arch+"enc/encdb.so", arch+"rbconfig.rb", "usr/lib/ruby/vendor_ruby/rubygems.rb", "usr/bin/ruby3.1"), newLayer(t, l...))
}

func TestNode(t *testing.T) {
	const mods = "app/node_modules/"
	l := files("app/main", "#!/usr/bin/env node\nrequire('./lib'); require('pkg'); require('@a/b/c'); require('fs'); require('system')\n",
		"app/lib/index.js", "import x from '../data.json'\n", "app/data.json", "{}", "app/unused.js", "",
		mods+"pkg/package.json", `{"main":"./dist/pkg"}`, mods+"pkg/dist/pkg.js", "require('nested')", mods+"pkg/index.js", "",
		mods+"pkg/node_modules/nested/package.json", `{"exports":{".":{"require":"./n.cjs"}},"main":"none"}`, mods+"pkg/node_modules/nested/n.cjs", "",
		mods+"nested/package.json", `{}`, mods+"@a/b/package.json", `{`, mods+"@a/b/c.js", "",
		mods+"fs/package.json", `{}`, mods+"fs/index.js", "",
		"usr/share/nodejs/system/package.json", `{"main":"/../../../../../etc/passwd2"}`, "etc/passwd2", "")
	follows(t, `{"config":{"WorkingDir":"/app","Cmd":["./main"]}}`, all("app/main", "app/lib/index.js", "app/data.json", mods+"pkg/package.json",
		mods+"pkg/dist/pkg.js", mods+"pkg/node_modules/nested/package.json", mods+"pkg/node_modules/nested/n.cjs", mods+"@a/b/package.json",
		mods+"@a/b/c.js", "usr/share/nodejs/system/package.json"), newLayer(t, l...))
}

func TestGoNames(t *testing.T) {
	const text = "// Package p imports nothing: import \"none\"\npackage p\n\nimport \"a\"\nimport b \"c/d\"\nimport (\n\t\"e\"\n\n\t// \"comment\"\n\t_ \"f/g\" // why\n\t\"C\"\n)\n" +
		"var x = `\nimport \"string\"\n`\n"
	if got, want := goNames(text), []string{"a", "c/d", "e", "f/g"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := goNames("//go:build ignore\n\n" + text); len(got) > 0 {
		t.Errorf("%q of a file that is not built", got)
	}
}

// TestGo: the go command reads all sources of a package, but builds only what is
// for Linux and no test.
func TestGo(t *testing.T) {
	const src, pkg = "usr/share/go-1.19/src/", "usr/lib/go-1.19/pkg/linux_amd64/"
	l := files("app/main.go", "package main\nimport \"fmt\"\n", src+"fmt/fmt.go", "import (\n\"os\"\n\"golang.org/x/y\"\n)\n", src+"fmt/fmt_test.go", "import \"testing\"\n",
		src+"fmt/data.bin", "", src+"fmt/testdata/x.go", "", src+"os/os_windows.go", "import \"windows\"\n", src+"os/os_unix.go", "import \"os\"\n", src+"os/a.s", "",
		src+"testing/t.go", "", src+"windows/w.go", "", src+"vendor/golang.org/x/y/y.go", "", src+"runtime/r.go", "", src+"unused/u.go", "",
		pkg+"fmt.a", "", pkg+"os.a", "", pkg+"testing.a", "", pkg+"runtime.a", "", "usr/lib/go-1.19/pkg/tool/linux_amd64/compile", "", "usr/lib/go-1.19/pkg/tool/linux_amd64/cover", "",
		"usr/lib/other/pkg/linux_amd64/fmt.a", "")
	follows(t, `{"config":{"Cmd":["go","run","/app/main.go"]}}`, all("app/main.go", src+"fmt/fmt.go", src+"fmt/fmt_test.go", src+"os/os_windows.go", src+"os/os_unix.go", src+"os/a.s",
		src+"vendor/golang.org/x/y/y.go", src+"runtime/r.go", pkg+"fmt.a", pkg+"os.a", pkg+"runtime.a", "usr/lib/go-1.19/pkg/tool/linux_amd64/compile"), newLayer(t, l...))
}

func TestPHP(t *testing.T) {
	const extensions = "usr/local/lib/php/extensions/no-debug-non-zts-20220829/"
	l := append(files("usr/local/etc/php/conf.d/a.ini", "extension=gd\n; extension=off\nzend_extension = \"opcache.so\"\n", "usr/local/etc/php/conf.d/b.txt", "",
		extensions+"gd.so", "", extensions+"opcache.so", "", extensions+"off.so", ""), elfFile("usr/local/bin/php", linkage{}))
	follows(t, `{"config":{"Cmd":["php"]}}`, all("usr/local/bin/php", "usr/local/etc/php/conf.d/a.ini", extensions+"gd.so", extensions+"opcache.so"), newLayer(t, l...))
}

// TestShellCommand: of the script of a shell only commands and paths are
// fetched, also those of a shell that it starts, and where it says they are.
func TestShellCommand(t *testing.T) {
	l := files("opt/db/bin/initdb", "", "opt/db/bin/yes", "", "usr/bin/yes", "", "usr/bin/su", "", "usr/bin/server", "", "etc/server.conf", "", "usr/bin/echo", "")
	follows(t, `{"config":{"Cmd":["/bin/sh","-c","export PATH=/opt/db/bin:$PATH; su db -c \"initdb -D /x\" && server --fork yes /etc/server.conf; echo yes"]}}`,
		all("opt/db/bin/initdb", "usr/bin/su", "usr/bin/server", "etc/server.conf"), newLayer(t, l...))
}

// TestRootsAreBounded: a layer in which everything is a place to look in ends no
// later than the bound on what is looked for.
func TestRootsAreBounded(t *testing.T) {
	pairs := []string{"main.rb", strings.Repeat("require 'a'\n", 2*maxNames)}
	for i := range 100 {
		for j := range 30 {
			pairs = append(pairs, strings.Join([]string{"var/lib/gems", string(rune('a' + i%26)), strings.Repeat("x", 1+i/26), strings.Repeat("y", 1+j), "f"}, "/"), "")
		}
	}
	im := Image{newLayer(t, files(pairs...)...)}
	s := newStart(t.Context(), im, nil, expected)
	for _, p := range []*places{rubyGems, rubySpecs, rubyLibraries, perlModules, nodePackages, phpConfigs, phpExtensions, {patterns: []string{"/*/*/*/*/*"}}} {
		if n := len(s.among(p)); n > maxRoots {
			t.Errorf("%d places", n)
		}
	}
	if n := s.finds.Load(); n > maxFinds {
		t.Errorf("looked at %d names", n)
	}
	s.finds.Store(maxFinds)
	s.addFeature("a")
	s.addPerl(File{Path: "/x"}, "use A;\n")
	s.addNode(File{Path: "/x"}, "require('a')")
	if n := s.finds.Load(); n > maxFinds {
		t.Errorf("went on to look for %d", n-maxFinds)
	}
}
