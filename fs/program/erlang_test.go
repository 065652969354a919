// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestErlangApplications(t *testing.T) {
	for text, want := range map[string]string{
		"{application,a,\n [{vsn,\"1\"},\n  {applications,[kernel,stdlib, 'Odd name',\n\tcompiler]},\n  {mod,{m,[]}}]}.": "kernel stdlib Odd name compiler",
		"{ applications , [ ] }":        "",
		"{included_applications,[a,b]}": "",
		"{applications,[a":              "",
		"{applications,a}":              "",
		"{applications,[" + strings.Repeat("a", maxNamed+1) + ",b]}": "b",
		"": "",
	} {
		if got := strings.Join(erlangApplications(text), " "); got != want {
			t.Errorf("%.60q: %.60q, want %q", text, got, want)
		}
	}
	if n := len(erlangApplications("{applications,[" + strings.Repeat("a,", 2*maxNames) + "b]}")); n != maxNames {
		t.Errorf("%d applications", n)
	}
}

// TestErlang: the script leads to the virtual machine, what that boots with, and the
// applications that its own needs; Elixir's scripts lead there and to their own.
func TestErlang(t *testing.T) {
	const home, elixir = "usr/lib/erlang/", "usr/lib/elixir/"
	machine := files(home+"bin/erl", "#!/bin/sh\nexec \"$BINDIR/erlexec\" ${1+\"$@\"}\n", home+"bin/start.boot", "",
		home+"erts-13.1/bin/erlexec", "", home+"erts-13.1/bin/beam.smp", "", home+"lib/kernel-8/ebin/kernel.app", "{application,kernel,[{applications,[]}]}.",
		home+"lib/kernel-8/ebin/code.beam", "", home+"lib/stdlib-4/ebin/lists.beam", "")
	others := files(home+"erts-13.1/bin/other", "", home+"lib/compiler-8/ebin/compiler.app", "", home+"lib/compiler-8/ebin/compile.beam", "",
		home+"lib/ssl-10/ebin/ssl.app", "", home+"lib/stdlib-4/src/lists.erl", "", elixir+"lib/mix/ebin/mix.beam", "")
	own := files(elixir+"lib/elixir/ebin/elixir.app", "{application,elixir,\n[{applications,[kernel,stdlib,compiler]}]}.", elixir+"lib/elixir/ebin/elixir.beam", "",
		elixir+"lib/logger/ebin/logger.beam", "")
	start := remotetest.File{Name: elixir + "bin/elixir", Body: "#!/bin/sh\nERL_EXEC=\"erl\"\nset -- \"$ERL_EXEC\" -pa \"$HERE\"/../lib/*/ebin\nexec \"$@\"\n"}
	links := []remotetest.File{{Name: "usr/bin/erl", Link: "../lib/erlang/bin/erl"}, {Name: "usr/bin/elixir", Link: "../lib/elixir/bin/elixir"}}
	fetched := func(lists ...[]remotetest.File) (all []string) {
		for _, f := range slices.Concat(lists...) {
			all = append(all, "0:"+f.Name)
		}
		return all
	}
	for command, want := range map[string][]string{
		"erl":    fetched(machine),
		"elixir": append(fetched(machine, own), "0:"+elixir+"bin/elixir", "0:"+home+"lib/compiler-8/ebin/compiler.app"),
	} {
		t.Run(command, func(t *testing.T) {
			l := newLayer(t, slices.Concat(machine, others, own, links, []remotetest.File{start})...)
			follows(t, fmt.Sprintf(`{"config":{"Cmd":[%q]}}`, command), want, l)
		})
	}
}

// TestLoadBeam: a module that a container reads leads to those of its application, unless
// these are too much.
func TestLoadBeam(t *testing.T) {
	big := strings.Repeat("x", maxEbin/2)
	for name, c := range map[string]struct {
		dir  string
		rest []string // of the files in dir
		want int
	}{
		"an application":   {"plugins/a-1/ebin", []string{"b.beam", "", "a.app", "", "c/d.beam", ""}, 3},
		"not one":          {"plugins/a-1/lib", []string{"b.beam", ""}, 1},
		"a large one":      {"plugins/a-1/ebin", []string{"b.beam", big, "c.beam", big}, 1},
		"of many files":    {"plugins/a-1/ebin", slices.Repeat([]string{"", ""}, maxEbinFiles), 1},
		"as large as most": {"plugins/a-1/ebin", []string{"b.beam", big}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			pairs := []string{c.dir + "/a.beam", "x"}
			for i := 0; i < len(c.rest); i += 2 {
				file := c.rest[i]
				if file == "" {
					file = fmt.Sprintf("m%d.beam", i)
				}
				pairs = append(pairs, c.dir+"/"+file, c.rest[i+1])
			}
			l := newLayer(t, files(pairs...)...)
			f, ok := Image{l}.Find(c.dir + "/a.beam")
			if !ok || !Is("a.beam", nil) || !l.Follow(f.Node) {
				t.Fatal("not there")
			}
			Load(t.Context(), Image{l}, f)
			if got := names(l); len(got) != c.want {
				t.Errorf("fetched %d files: %.200q", len(got), got)
			}
		})
	}
}
