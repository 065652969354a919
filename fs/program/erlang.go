// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// erlang is Erlang and what else is compiled for its virtual machine, of which the
// descriptions of applications are text.
var erlang = &language{suffixes: []string{appSuffix}}

const (
	// erlangProgram is the script that starts the Erlang virtual machine, and
	// erlangExec what that runs. Scripts that run it set variables with erlangVar in
	// their names.
	erlangProgram, erlangExec, erlangVar = "erl", "erlexec", "ERL"
	// appSuffix is that of the description of an application, and beamSuffix that of
	// compiled modules; ebin is the directory that an application
	// has them in, maxEbin the size of one up to which it is fetched whole, in bytes, and
	// maxEbinFiles in files.
	appSuffix, beamSuffix = ".app", ".beam"
	ebin                  = "ebin"
	maxEbin, maxEbinFiles = 8 << 20, 1024
)

var (
	// erlangPrograms are run, from the directory of erlexec.
	erlangPrograms = []string{erlangExec, "beam.smp", "erl_child_setup", "inet_gethost"}
	// erlangBoot are the applications that the virtual machine loads before a program,
	// and elixirBoot those that Elixir loads besides.
	erlangBoot = []string{"kernel", "stdlib"}
	elixirBoot = []string{"elixir", "logger"}
	// erlangLibraries are the modules of applications in Debian, in the official images,
	// and of RabbitMQ.
	erlangLibraries = &places{[]string{
		"/usr/lib/erlang/lib/*/ebin", "/usr/local/lib/erlang/lib/*/ebin", "/opt/*/lib/erlang/lib/*/ebin", "/usr/lib/elixir/lib/*/ebin", "/usr/local/lib/elixir/lib/*/ebin",
		"/usr/lib/rabbitmq/lib/*/plugins/*/ebin", "/opt/rabbitmq/plugins/*/ebin",
	}}
	// appList is the list of the applications that one needs.
	appList = regexp.MustCompile(`\{\s*applications\s*,\s*\[([^\]]*)\]`)
)

// isBeam says whether a file is a compiled module of Erlang or Elixir in the directory of
// its application.
func isBeam(name string) bool { return path.Ext(name) == beamSuffix }

// addErlangScript adds what a shell script starts the Erlang virtual machine with, if it
// does: the script erl itself, one that runs that, and those of Elixir.
func (s *start) addErlangScript(f File, text string) {
	home := path.Dir(path.Dir(f.Path))
	switch {
	case strings.Contains(text, erlangExec):
		s.addErlang(home)
	case strings.Contains(text, erlangVar):
		programs := Command{path: s.path, dir: "/"}
		s.add(programs.find(s, erlangProgram))
		if strings.Contains(text, "/"+ebin) {
			for _, name := range elixirBoot {
				s.addEbin(path.Join(home, "lib", name, ebin))
			}
		}
	}
}

// addErlang adds what the virtual machine below home loads before a program.
func (s *start) addErlang(home string) {
	if !s.first("erlang", home) {
		return
	}
	for _, dir := range s.appendMatches(nil, "", path.Join(home, "erts-*/bin")) {
		for _, name := range erlangPrograms {
			s.add(s.find(path.Join(dir, name)))
		}
	}
	s.add(s.find(path.Join(home, "bin/start.boot")))
	for _, name := range erlangBoot {
		for _, dir := range s.appendMatches(nil, "", path.Join(home, "lib", name+"-*", ebin)) {
			s.addEbin(dir)
		}
	}
}

// erlangApplications are those that the description of one says it needs.
func erlangApplications(text string) (names []string) {
	list := appList.FindStringSubmatch(text)
	if list == nil {
		return nil
	}
	for name := range strings.SplitSeq(list[1], ",") {
		if name = strings.Trim(name, "' \t\r\n"); name != "" && len(name) <= maxNamed && len(names) < maxNames {
			names = append(names, name)
		}
	}
	return names
}

// addApplications adds the descriptions of applications, which are all read before one
// is started.
func (s *start) addApplications(names []string) {
	for _, dir := range s.among(erlangLibraries) {
		name, _, _ := strings.Cut(path.Base(path.Dir(dir)), "-") // its version
		if slices.Contains(names, name) {
			s.add(s.find(path.Join(dir, name+appSuffix)))
		}
	}
}

// addEbin adds the modules of an application: it loads them one by one, when they are
// called, and most that start call most.
func (s *start) addEbin(dir string) {
	s.later(func() {
		if path.Base(dir) != ebin || !s.first(ebin, dir) {
			return
		}
		all, bytes := s.list(dir, maxEbinFiles+1), int64(0)
		for _, f := range all {
			if f.isFile {
				bytes += s.size(f.File)
			}
		}
		if bytes > maxEbin || len(all) > maxEbinFiles {
			return
		}
		for _, f := range all {
			s.add(f.File, f.isFile)
		}
	})
}
