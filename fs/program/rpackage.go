// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	// packageMark is read first of an R package that is loaded; its name is
	// packageFile.
	packageMark = "Meta/" + packageFile
	packageFile = "package.rds"
	// maxDependencies is how many packages are looked for that one needs, and
	// maxPackage the length of a name of one in bytes.
	maxDependencies = 256
	maxPackage      = 255
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

// comment and directive are what is read of a NAMESPACE: the kind of a directive
// and its arguments, of which the last may be cut off.
var (
	comment   = regexp.MustCompile(`#[^\n]*`)
	directive = regexp.MustCompile(`(?:^|[^\w.])import(From|ClassesFrom|MethodsFrom)?\s*\(([^)]*)`)
)

// imported are the packages that a package's NAMESPACE says are loaded with it, up
// to maxDependencies. What DESCRIPTION says it imports is more: it may be used
// by its full name only, later.
func imported(namespace string) (names []string) {
	namespace = comment.ReplaceAllString(namespace, "")
	for len(names) < maxDependencies {
		at := directive.FindStringSubmatchIndex(namespace)
		if at == nil {
			break
		}
		list := namespace[at[4]:at[5]]
		if at[2] >= 0 { // from one package
			list, _, _ = strings.Cut(list, ",")
		}
		for part := range strings.SplitSeq(list, ",") {
			names = appendPackage(names, part)
		}
		namespace = namespace[at[1]:]
	}
	return names
}

// appendPackage appends what may be the name of a package, with quotes and space
// around it, unless names has it.
func appendPackage(names []string, name string) []string {
	name = strings.Trim(name, " \t\r\n\"'`")
	if len(names) >= maxDependencies || name == "" || len(name) > maxPackage || strings.ContainsAny(name, "/=#( \n") || slices.Contains(names, name) {
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
