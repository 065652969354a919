// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

const (
	// maxNames is how many names of one source file are looked for, and maxNamed the
	// length of one in bytes.
	maxNames = 1024
	maxNamed = 255
	// maxListedDirs is how many names of a directory are looked at to find roots.
	maxListedDirs = 1024
)

// language is one whose sources name the files that they load.
type language struct {
	interpreter string   // of scripts, as it begins; "" for none
	suffixes    []string // of files
}

// languages are those that are known, Python apart.
var languages = []*language{perl, ruby, node, golang, rlang, cFamily, erlang}

// languageOf is the language of a file, or nil.
func languageOf(name string, head []byte) *language {
	for _, l := range languages {
		if slices.Contains(l.suffixes, path.Ext(name)) {
			return l
		}
	}
	if !isScript(head) {
		if isCHeader(name) {
			return cFamily
		}
		return nil
	}
	interpreter := interpreterOf(head)
	for _, l := range languages {
		if l.interpreter != "" && strings.HasPrefix(interpreter, l.interpreter) {
			return l
		}
	}
	return nil
}

// isInterpreter says whether an ELF file is an interpreter, by the beginning of its
// name, or the library that is it.
func isInterpreter(file, name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(path.Base(file), "lib"), name)
}

// addSource adds what a file of language l names.
func (s *start) addSource(c content, l *language) {
	text, err := c.text()
	if err != nil {
		return
	}
	switch l {
	case perl:
		s.addPerl(c.f, text)
	case ruby:
		s.addRuby(c.f, text)
	case node:
		s.addNode(c.f, text)
	case golang:
		s.addGo(c.f, text)
	case cFamily:
		s.addC(c.f, text)
	case erlang:
		s.addApplications(erlangApplications(text))
	case rlang:
		s.addRPackages(rNames(text), rLibraries)
	}
}

// places are directories where files are looked for by name, the first first. A *
// at the end of a name stands for anything.
type places struct{ patterns []string }

// among are those of p that the image has.
func (s *start) among(p *places) []string {
	s.rootsMu.Lock()
	defer s.rootsMu.Unlock()
	roots, ok := s.roots[p]
	if !ok {
		for _, pattern := range p.patterns {
			roots = s.appendMatches(roots, "", pattern)
		}
		s.roots[p] = roots
	}
	return roots
}

// appendMatches appends the directories below dir that match pattern, up to
// maxRoots.
func (s *start) appendMatches(roots []string, dir, pattern string) []string {
	part, rest, more := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
	prefix, isPattern := strings.CutSuffix(part, "*")
	if !isPattern && s.image.isDir(path.Join(dir, part)) {
		dir = path.Join(dir, part)
		if more {
			return s.appendMatches(roots, dir, rest)
		}
		return append(roots, "/"+dir)
	}
	if !isPattern || len(roots) >= maxRoots {
		return roots
	}
	for _, f := range s.list(dir, maxListedDirs) {
		if len(roots) >= maxRoots {
			break
		}
		if !f.isDir || !strings.HasPrefix(f.name, prefix) {
			continue
		}
		below := path.Join(dir, f.name)
		if more {
			roots = s.appendMatches(roots, below, rest)
		} else {
			roots = append(roots, "/"+below)
		}
	}
	return roots
}

// addFirst adds the first of the files of these names that there is.
func (s *start) addFirst(names ...string) bool {
	for _, name := range names {
		if f, ok := s.find(name); ok {
			s.add(f, true)
			return true
		}
	}
	return false
}

// cutIndented is what follows prefix in a line that is indented by at most two.
func cutIndented(line, prefix string) (rest string, ok bool) {
	body := strings.TrimLeft(line, " \t")
	if len(line)-len(body) > 2 {
		return "", false
	}
	return strings.CutPrefix(body, prefix)
}

// quoted is the string in quotes at the beginning of text.
func quoted(text string) (name string, ok bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return "", false
	}
	name, _, ok = strings.Cut(text[1:], text[:1])
	return name, ok && name != "" && len(name) <= maxNamed && !strings.ContainsAny(name, "\n\\#")
}
