// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

const (
	// packageMark is read first of an R package that is loaded; its name is
	// packageFile.
	packageMark = "Meta/" + packageFile
	packageFile = "package.rds"
	// maxDependencies is how many packages are looked for that one needs, and
	// maxDirective how long the name of a directive and that of a package are.
	maxDependencies = 256
	maxDirective    = 256
)

// rLibraries are where R packages are.
var rLibraries = []string{"/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library", "/usr/local/lib/R/library", "/usr/lib64/R/library"}

// isRPackage says whether a file is the mark of an R package.
func isRPackage(name string) bool { return strings.HasSuffix(name, "/"+packageMark) }

// attached are the packages that a package's DESCRIPTION says are loaded with it
// when a program asks for it by name, R itself among them, up to
// maxDependencies.
func attached(description string) (names []string) {
	in := false
	for line := range strings.Lines(description) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			var field string
			field, line, _ = strings.Cut(line, ":")
			in = field == "Depends"
		}
		if !in {
			continue
		}
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(part, "(")
			names = appendPackage(names, name)
		}
	}
	return names
}

// imported are the packages that a package's NAMESPACE says are loaded with it, up
// to maxDependencies. What DESCRIPTION says it imports is more: it may be used
// by its full name only, later.
func imported(namespace string) (names []string) {
	for {
		before, rest, ok := strings.Cut(namespace, "import")
		if !ok {
			return names
		}
		namespace = rest
		directive, list, ok := strings.Cut(rest[:min(len(rest), maxDirective)], "(")
		line := before[strings.LastIndexByte(before, '\n')+1:]
		if !ok || strings.Contains(line, "#") || strings.ContainsAny(last(before), nameBytes) {
			continue
		}
		switch strings.TrimSpace(directive) {
		case "":
			list, namespace, _ = strings.Cut(rest[len(directive)+1:], ")")
			for part := range strings.SplitSeq(list, ",") {
				names = appendPackage(names, part)
			}
		case "From", "ClassesFrom", "MethodsFrom":
			name, _, _ := strings.Cut(list, ",")
			name, _, _ = strings.Cut(name, ")")
			names = appendPackage(names, name)
		}
	}
}

// nameBytes are those that a name in R may end with, as far as it matters.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"

// last is the last byte of s.
func last(s string) string { return s[max(len(s)-1, 0):] }

// appendPackage appends what may be the name of a package, with quotes and space
// around it, unless names has it.
func appendPackage(names []string, name string) []string {
	name = strings.Trim(name, " \t\r\n\"'`")
	if len(names) >= maxDependencies || name == "" || len(name) > maxDirective || strings.ContainsAny(name, "/=#( \n") || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// addRPackage adds what is read when the package with mark f is loaded, and the
// packages that it needs.
func (s *start) addRPackage(f File) {
	home := path.Dir(path.Dir(f.Path))
	for _, dir := range []string{"R", "Meta", "libs"} {
		for _, f := range s.image.list(path.Join(home, dir), maxFiles) {
			s.add(f.File, !f.isDir)
		}
	}
	needed := append(s.packagesIn(path.Join(home, "NAMESPACE"), imported), s.packagesIn(path.Join(home, "DESCRIPTION"), attached)...)
	libraries := append([]string{path.Dir(home)}, rLibraries...)
	for _, name := range needed {
		for _, library := range libraries {
			if mark, ok := s.find(path.Join(library, name, packageMark)); ok {
				s.add(mark, true)
				break
			}
		}
	}
}

// packagesIn are those that a file names.
func (s *start) packagesIn(name string, parse func(string) []string) []string {
	f, ok := s.find(name)
	if !ok {
		return nil
	}
	text, err := content{s, f}.text()
	if err != nil {
		return nil
	}
	return parse(text)
}
