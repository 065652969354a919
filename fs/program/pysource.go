// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import "strings"

// maxList is how far behind the bracket of an import statement the closing one
// is looked for, in bytes.
const maxList = 8 << 10

// sourceNames are the modules that Python source imports outside of functions
// and classes, without the dots of relative ones, and the names that it imports
// from them, up to maxImports.
func sourceNames(source string) (names []string) {
	inBlock := false // of a statement at the top whose block runs at import
	for len(source) > 0 && len(names) < maxImports {
		var line string
		line, source, _ = strings.Cut(source, "\n")
		words := strings.TrimSpace(line)
		if words == "" || words[0] == '#' {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			inBlock = opensBlock(words)
		} else if !inBlock {
			continue
		}
		if list, ok := strings.CutPrefix(words, "import "); ok {
			names = appendListed(names, list)
		} else if from, ok := strings.CutPrefix(words, "from "); ok {
			names, source = appendFrom(names, from, source)
		}
	}
	return names
}

// calledNames are the modules that code imports by calls of __import__, up to
// maxImports.
func calledNames(code string) (names []string) {
	for len(names) < maxImports {
		_, rest, ok := strings.Cut(code, "__import__(")
		if !ok {
			break
		}
		code = rest
		if rest = strings.TrimLeft(rest, " "); rest == "" || rest[0] != '\'' && rest[0] != '"' {
			continue
		}
		if name, _, ok := strings.Cut(rest[1:], rest[:1]); ok {
			names = append(names, name)
		}
	}
	return names
}

// opensBlock says whether a line begins a statement with a block that runs at
// import.
func opensBlock(line string) bool {
	first, condition, _ := strings.Cut(line, " ")
	switch strings.TrimSuffix(first, ":") {
	case "if":
		condition, _, _ = strings.Cut(condition, ":")
		return !leftOut(strings.TrimSpace(condition))
	case "elif", "else", "try", "except", "finally", "with":
		return true
	}
	return false
}

// appendFrom appends the names of the statement that has line behind its from,
// and returns what is behind it of the source that follows line.
func appendFrom(names []string, line, source string) ([]string, string) {
	module, list, ok := strings.Cut(line, " import ")
	if !ok {
		return names, source
	}
	if module = strings.Trim(module, ". "); module != "" {
		names = append(names, module)
	}
	if strings.HasPrefix(list, "(") && !strings.Contains(list, ")") {
		if end := strings.IndexByte(source[:min(len(source), maxList)], ')'); end >= 0 {
			list, source = list+"\n"+source[:end], source[end+1:]
		}
	}
	return appendListed(names, list), source
}

// appendListed appends the names that an import statement lists.
func appendListed(names []string, list string) []string {
	for line := range strings.Lines(list) {
		line, _, _ = strings.Cut(line, "#")
		for part := range strings.SplitSeq(line, ",") {
			part = strings.TrimLeft(part, " \t\r\n(")
			if end := strings.IndexAny(part, " \t\r\n;\\)"); end >= 0 {
				part = part[:end]
			}
			if part != "" {
				names = append(names, part)
			}
			if len(names) >= maxImports {
				return names
			}
		}
	}
	return names
}
