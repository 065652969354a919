// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"strings"
	"testing"
)

// FuzzNames reads anything as each kind of file that names others. The names
// are bounded, and parts of what was read.
func FuzzNames(f *testing.F) {
	for _, magic := range []int{magic38, magic311} {
		f.Add(pyc(magic, marshalCode(magic, marshalTuple("\xda\x02os", "r"+count(0)), "N", marshalCode(magic, marshalTuple()))))
	}
	f.Add(source)
	f.Add("#!/bin/sh\nif A=1 x | y; then . /etc/rc; fi # z\n")
	f.Add("Package: p\nDepends: R (>= 3.5), methods\nImports: a,\n b\n")
	f.Add("use A::B;\nuse parent qw(C D);\n=pod\n=cut\n__END__\n")
	f.Add("require_relative 'a'\n  require(\"b/c\")\n")
	f.Add("const a = require('a'); import b from \"./b\"\nexport PATH=/a:$PATH")
	f.Add("package p\nimport \"a\"\nimport (\n\tb \"c/d\"\n)\nfunc f() {}\n")
	f.Add("#ifdef _WIN32\n#include <w.h>\n#else\n# include_next <a/b>\n#include \"c.h\"\n#endif\n#elif\n#include <d\n")
	f.Add("{application,a,[{applications,[kernel, 'b c']},{mod,{a,[]}}]}.")
	f.Add("suppressMessages(library('a')); b::c()\n# library(d)\n")
	f.Add(`{"exports":{".":{"node":{"default":"./x"}}}}`)
	f.Add("import(a, \"b\")\nimportFrom(c,d)\n# import(e)\n")
	f.Fuzz(func(t *testing.T, text string) {
		check := func(kind string, names []string, limit int) {
			if len(names) > limit {
				t.Errorf("%s: %d names", kind, len(names))
			}
			for _, name := range names {
				if name == "" || !strings.Contains(text, name) {
					t.Errorf("%s: %q is not in it", kind, name)
				}
			}
		}
		compiled, err := compiledNames(text)
		if err != nil && len(compiled) > 0 {
			t.Errorf("%q with %v", compiled, err)
		}
		check("compiled", compiled, maxImports)
		check("source", sourceNames(text), maxImports+1) // one statement may name a module too
		check("script", scriptCommands(text), maxCommands)
		check("files of a script", scriptFiles(text), maxCommands)
		check("description", attached(text), maxDependencies)
		check("namespace", imported(text), maxDependencies)
		check("perl", perlNames(text), maxNames)
		files, features := rubyNames(text)
		check("ruby", append(files, features...), maxNames)
		check("node", nodeNames(text), maxNames)
		check("r", rNames(text), maxDependencies)
		check("go", goNames(text), maxNames)
		check("erlang", erlangApplications(text), maxNames)
		var headers []string
		for _, i := range cIncludes(text) {
			headers = append(headers, i.name)
		}
		check("c", headers, maxNames)
		if dirs := scriptPath(text); !strings.Contains(text, dirs) {
			t.Errorf("path: %q is not in it", dirs)
		}
		_ = exported([]byte(text), maxConditions)
	})
}
