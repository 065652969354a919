// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// scriptWords are those of the first line of a script.
func scriptWords(head []byte) []string {
	line, _, _ := bytes.Cut(head[len("#!"):], []byte("\n"))
	return strings.Fields(string(line))
}

// interpreterOf is the name of the interpreter of a script, also behind env.
func interpreterOf(head []byte) string {
	words := scriptWords(head)
	if len(words) == 0 {
		return ""
	}
	if name := path.Base(words[0]); name != "env" || len(words) == 1 {
		return name
	}
	return words[len(words)-1]
}

// addScript adds what the first line of a script names, a path and, behind env,
// a name, and what its commands or imports need.
func (s *start) addScript(c content, head []byte) {
	words := scriptWords(head)
	if len(words) == 0 {
		return
	}
	programs := Command{path: s.path, dir: "/"}
	s.add(s.find(words[0]))
	interpreter := interpreterOf(head)
	if interpreter != path.Base(words[0]) {
		s.add(programs.find(s, interpreter))
	}
	isShell := slices.Contains(shells, interpreter)
	if !isShell && (!strings.HasPrefix(interpreter, "python") || isPython(c.f.Path, head)) {
		return // of other languages, or followed as a module
	}
	text, err := c.text()
	if err != nil {
		return
	}
	if !isShell {
		s.addImports(path.Dir(c.f.Path), sourceNames(text))
		return
	}
	for _, word := range scriptCommands(text) {
		f, ok := programs.find(s, word)
		if !ok {
			continue
		}
		if _, size := f.Layer.Tree().Data(f.Node); size <= maxCommand {
			s.add(f, true)
		}
	}
	if strings.Contains(text, jvmHome) {
		if f, ok := programs.find(s, jvmProgram); ok {
			s.addJVM(path.Join(path.Dir(f.Path), jvmLib)) // not when the launcher has been looked into
			s.add(f, true)
		}
	}
	s.addErlangScript(c.f, text)
	here := path.Dir(c.f.Path)
	for _, name := range scriptFiles(text) {
		for _, dir := range []string{path.Dir(here), here, "/"} {
			s.add(s.find(path.Join(dir, name)))
		}
	}
}
