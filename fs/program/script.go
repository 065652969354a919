// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// addScript adds what the first line of a script names, a path and, behind env,
// a name, and what its commands or imports need.
func (s *start) addScript(c content, head []byte) {
	line, _, _ := bytes.Cut(head[len("#!"):], []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return
	}
	programs := Command{path: s.path, dir: "/"}
	s.add(s.find(words[0]))
	interpreter := path.Base(words[0])
	if interpreter == "env" && len(words) > 1 {
		interpreter = words[len(words)-1]
		s.add(programs.find(s.image, interpreter))
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
		f, ok := programs.find(s.image, word)
		if !ok {
			continue
		}
		if _, size := f.Layer.Tree().Data(f.Node); size <= maxCommand {
			s.add(f, true)
		}
	}
	if strings.Contains(text, jvmHome) {
		s.add(programs.find(s.image, jvmProgram))
	}
}
